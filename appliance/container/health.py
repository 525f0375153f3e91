"""Alive: every core process answers on its port. Whether the archives are fresh is another question, `/readyz`.

Standard library only, few imports: it runs every few seconds for ever."""

from __future__ import annotations

import os
import socket
import sys

# An address that nobody else uses: the log lines that the knocking leaves are known by it.
SOURCE = "127.0.0.73"
DEADLINE = 4.0
TLS_MARK = "/run/mirror/rsyncd-tls.conf"
"""Is there when somebody shall answer on the TLS port."""
HTTP = b"GET /healthz HTTP/1.0\r\nHost: localhost\r\n\r\n"


def knock(port: int, says: bytes, expects: tuple[bytes, ...], tls: bool = False) -> str:
    """Empty when the answer begins as expected, else what was wrong."""
    try:
        with _connect(port, tls) as line:
            line.sendall(says)
            answer = line.recv(64)
    except OSError as error:
        return str(error)
    return "" if answer.startswith(expects) else f"unexpected answer {answer[:40]!r}"


def _connect(port: int, tls: bool) -> socket.socket:
    """Whose certificate it is does not matter: it is our own."""
    connection = socket.create_connection(("127.0.0.1", port), DEADLINE, (SOURCE, 0))
    if not tls:
        return connection
    import ssl  # most mirrors have no TLS, and this runs every few seconds

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context.wrap_socket(connection)


def check(sshd: int = 2222, rsyncd: int = 8730, http: int = 8080, tls: int | None = None) -> dict[str, str]:
    """What is wrong, by process; empty when all is well. Without ``tls`` nobody is expected there."""
    found = {
        "sshd": knock(sshd, b"", (b"SSH-2.0-",)),
        "rsyncd": knock(rsyncd, b"", (b"@RSYNCD:",)),
        "nginx and controller": knock(http, HTTP, (b"HTTP/1.1 200", b"HTTP/1.0 200")),
    }
    if tls:
        found["nginx and rsyncd-tls"] = knock(tls, b"", (b"@RSYNCD:",), tls=True)
    return {name: fault for name, fault in found.items() if fault}


def main() -> int:
    """The health check: 0 when all is well, else 1 with the faults on standard error."""
    faults = check(tls=1873 if os.path.exists(TLS_MARK) else None)
    for name, fault in faults.items():
        print(f"{name}: {fault}", file=sys.stderr)
    return 1 if faults else 0
