"""Alive: every core process answers on its port. Whether the archives are fresh is another question, `/readyz`.

Standard library only, few imports: it runs every few seconds for ever."""

from __future__ import annotations

import socket
import sys

# An address that nobody else uses: the log lines that the knocking leaves are known by it.
SOURCE = "127.0.0.73"
DEADLINE = 4.0
HTTP = b"GET /healthz HTTP/1.0\r\nHost: localhost\r\n\r\n"


def knock(port: int, says: bytes, expects: tuple[bytes, ...]) -> str:
    """Empty when the answer begins as expected, else what was wrong."""
    try:
        with socket.create_connection(("127.0.0.1", port), DEADLINE, (SOURCE, 0)) as connection:
            connection.sendall(says)
            answer = connection.recv(64)
    except OSError as error:
        return str(error)
    return "" if answer.startswith(expects) else f"unexpected answer {answer[:40]!r}"


def check(sshd: int = 2222, rsyncd: int = 8730, http: int = 8080) -> dict[str, str]:
    """What is wrong, by process; empty when all is well."""
    found = {
        "sshd": knock(sshd, b"", (b"SSH-2.0-",)),
        "rsyncd": knock(rsyncd, b"", (b"@RSYNCD:",)),
        "nginx and controller": knock(http, HTTP, (b"HTTP/1.1 200", b"HTTP/1.0 200")),
    }
    return {name: fault for name, fault in found.items() if fault}


def main() -> int:
    faults = check()
    for name, fault in faults.items():
        print(f"{name}: {fault}", file=sys.stderr)
    return 1 if faults else 0
