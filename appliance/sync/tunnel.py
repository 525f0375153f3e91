"""A connection to an upstream's daemon through an HTTP proxy: a program of its own, which rsync starts.

rsync can ask a proxy itself (RSYNC_PROXY), but then waits without end for one that accepts and never answers. Here the
proxy has a deadline, and afterwards rsync's own timeout counts. Standard library only: it is started for every rsync.
"""

from __future__ import annotations

import os
import socket
import sys
import threading
from typing import Final

LONGEST_HEAD: Final = 16384
"""Bytes of a proxy's answer before the connection is through."""

_FAMILY: Final = {"any": socket.AF_UNSPEC, "ipv4": socket.AF_INET, "ipv6": socket.AF_INET6}


def main(proxy: str, target: str, timeout: str, family: str, bind: str = "") -> int:
    """Connect standard input and output to ``target`` (HOST:PORT) through ``proxy``; returns the exit status.

    ``timeout`` is seconds for the proxy to answer, 0 for no limit.
    """
    try:
        line = _connect(proxy, float(timeout) or None, family, bind)
        _ask(line, target)
    except OSError as error:
        print(f"proxy {proxy}: {error.strerror or error}", file=sys.stderr)
        return 1
    line.settimeout(None)
    threading.Thread(target=_send, args=(line,), daemon=True).start()
    while data := line.recv(1 << 16):
        _write(data)
    return 0


def _connect(proxy: str, timeout: float | None, family: str, bind: str) -> socket.socket:
    """The first address of the proxy that lets us in. Raises OSError."""
    host, _, port = proxy.rpartition(":")
    trouble = OSError("has no address")
    for kind, _type, _protocol, _name, address in socket.getaddrinfo(host, port, _FAMILY[family], socket.SOCK_STREAM):
        line = socket.socket(kind, socket.SOCK_STREAM)
        line.settimeout(timeout)
        try:
            if bind:
                line.bind((bind, 0))
            line.connect(address)
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return line
        except OSError as error:
            line.close()
            trouble = error
    raise trouble


def _ask(line: socket.socket, target: str) -> None:
    """CONNECT; what the daemon says behind the proxy's answer is left where it is. Raises OSError when refused."""
    line.sendall(f"CONNECT {target} HTTP/1.0\r\n\r\n".encode())
    head = b""
    while not head.endswith((b"\r\n\r\n", b"\n\n")):
        byte = line.recv(1)
        if not byte or len(head) > LONGEST_HEAD:
            raise OSError("hangs up instead of an answer")
        head += byte
    first = head.decode("ascii", "replace").splitlines()[0]
    if first.split()[1:2] != ["200"]:
        raise OSError(f"answers {first}")


def _send(line: socket.socket) -> None:
    while data := os.read(0, 1 << 16):
        line.sendall(data)
    line.shutdown(socket.SHUT_WR)


def _write(data: bytes) -> None:
    while data:
        data = data[os.write(1, data) :]


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
