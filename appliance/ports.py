"""The ports that our programs listen on. In a network of its own a container has them all to itself."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterable, Iterator
from typing import Final

from appliance.errors import Problem

SSHD: Final = 2222
RSYNCD: Final = 8730
HTTP: Final = 8080
RSYNCD_TLS: Final = 1873
HTTPS: Final = 8443

PLAIN: Final = (SSHD, RSYNCD, HTTP)
TLS: Final = (RSYNCD_TLS, HTTPS)


def check(ports: Iterable[int]) -> Iterator[Problem]:
    """Every port that somebody else listens on."""
    for port in ports:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("", port))
            except OSError as error:
                if error.errno == errno.EADDRINUSE:
                    yield _taken(port)


def _taken(port: int) -> Problem:
    fact = "another program in this container's network listens there"
    cure = f"take network_mode away: in a network of its own `ports: 12345:{port}` chooses the port that others see"
    return Problem(f"port {port}", fact, cure)
