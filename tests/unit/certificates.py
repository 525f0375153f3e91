"""Certificates that nobody trusts but the test that made them, and a TLS front for a daemon that has none."""

from __future__ import annotations

import contextlib
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.unit.programs import program


@dataclass(frozen=True, slots=True)
class Pair:
    """A self-signed certificate, which is its own authority, and its key."""

    cert: Path
    key: Path


def certificate(directory: Path, *names: str, key: str = "ec -pkeyopt ec_paramgen_curve:prime256v1") -> Pair:
    """A certificate for these subject alternative names, such as `DNS:localhost`."""
    directory.mkdir(parents=True, exist_ok=True)
    pair = Pair(directory / "tls.crt", directory / "tls.key")
    argv = [program("openssl"), "req", "-x509", "-newkey", *key.split(), "-nodes", "-days", "2", "-subj", "/CN=test"]
    argv += ["-addext", f"subjectAltName={','.join(names)}", "-keyout", str(pair.key), "-out", str(pair.cert)]
    subprocess.run(argv, check=True, stdin=subprocess.DEVNULL, capture_output=True)
    return pair


@contextmanager
def tls_front(pair: Pair, behind: int) -> Iterator[int]:
    """A port where TLS is taken off and everything handed to the port `behind`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.cert, pair.key)
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=_accept, args=(server, context, behind), daemon=True).start()
        yield int(server.getsockname()[1])
        server.shutdown(socket.SHUT_RDWR)


def _accept(server: socket.socket, context: ssl.SSLContext, behind: int) -> None:
    with contextlib.suppress(OSError):
        while True:
            line, _ = server.accept()
            threading.Thread(target=_serve, args=(line, context, behind), daemon=True).start()


def _serve(line: socket.socket, context: ssl.SSLContext, behind: int) -> None:
    with (
        contextlib.suppress(OSError),
        context.wrap_socket(line, server_side=True) as client,
        socket.create_connection(("127.0.0.1", behind)) as daemon,
    ):
        back = threading.Thread(target=_copy, args=(daemon, client), daemon=True)
        back.start()
        _copy(client, daemon)
        back.join()


def _copy(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(1 << 16):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
