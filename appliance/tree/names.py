"""Host names, looked up before anybody connects: a name server that is dead must not hold up what else uses threads."""

from __future__ import annotations

import asyncio
import socket
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final
from urllib.parse import urlsplit

THREADS: Final = 48
"""Names that are looked up at a time; a thread is taken as long as the resolver tries, whoever has stopped waiting."""


class Names:
    """Asks for the addresses of hosts."""

    def __init__(self) -> None:
        self._pool = _threads()

    async def known(self, url: str) -> None:
        """Return when it has. Raises OSError when it has none."""
        host = urlsplit(url).hostname or ""
        try:
            await asyncio.get_running_loop().run_in_executor(self._pool, socket.getaddrinfo, host, None)
        except socket.gaierror as error:
            raise OSError(f"no address for {host}: {error.strerror}") from None
        except UnicodeError:
            raise OSError(f"{host!r} is no name of a host") from None

    async def addresses(self, host: str) -> tuple[str, ...]:
        """Every address that a host has. Raises OSError when it has none."""
        look = partial(socket.getaddrinfo, host, None, type=socket.SOCK_STREAM)
        try:
            found = await asyncio.get_running_loop().run_in_executor(self._pool, look)
        except UnicodeError:
            raise OSError(f"{host!r} is no name of a host") from None
        return tuple(str(place[4][0]) for place in found)

    def close(self) -> None:
        """Wait for nobody; who asks again, behind a fault of ours, finds new threads."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._pool = _threads()


def _threads() -> ThreadPoolExecutor:
    """None begins before it is needed."""
    return ThreadPoolExecutor(THREADS, thread_name_prefix="names")
