"""Small looks at another machine: does anybody listen, as what, and what is its time."""

from __future__ import annotations

import asyncio
import re
import time
from contextlib import suppress
from email.utils import parsedate_to_datetime
from typing import Final

PATIENCE: Final = 6.0
"""Seconds for one look; who is slower is not there."""

RSYNC: Final = b"@RSYNCD:"
SSH: Final = b"SSH-"

_DATE: Final = re.compile(rb"^date:[ \t]*([^\r\n]+)", re.I | re.M)
_HEAD: Final = "HEAD / HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n"


async def greeting(host: str, port: int) -> bytes:
    """The first bytes that somebody says who listens there; empty for nobody, and for who waits to be spoken to."""
    return await _said(host, port, b"")


async def offset(host: str, port: int) -> float | None:
    """How many seconds a web server's clock is ahead of ours, to the second; None when it does not say."""
    asked = time.time()
    said = _DATE.search(await _said(host, port, _HEAD.format(host).encode()))
    if not said:
        return None
    with suppress(ValueError, TypeError, OverflowError):
        # Both ends of its second, and both ends of the way there and back.
        return parsedate_to_datetime(said[1].decode("latin-1")).timestamp() + 0.5 - (asked + time.time()) / 2
    return None


async def _said(host: str, port: int, says: bytes) -> bytes:
    with suppress(OSError, TimeoutError, ValueError):
        async with asyncio.timeout(PATIENCE):
            reader, writer = await asyncio.open_connection(host, port)
            try:
                writer.write(says)
                return await reader.read(4096)
            finally:
                writer.close()
    return b""


async def listening(host: str, ports: tuple[int, ...], as_what: bytes) -> int | None:
    """The first of the ports at which somebody listens who begins like this."""
    said = await asyncio.gather(*(greeting(host, port) for port in ports))
    return next((port for port, first in zip(ports, said, strict=True) if first.startswith(as_what)), None)


async def resolved(host: str) -> list[str]:
    """The addresses of a host; none when its name is not known here."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, None)
    except OSError:
        return []
    return sorted({str(one[4][0]) for one in found})
