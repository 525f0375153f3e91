"""Host names, looked up before anybody connects: a name server that is dead must not hold up what else uses threads."""

from __future__ import annotations

import asyncio
import socket
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from typing import Final
from urllib.parse import urlsplit

THREADS: Final = 48
"""Names that are looked up at a time; a thread is taken as long as the resolver tries, whoever has stopped waiting."""


async def known(url: str) -> None:
    """Return when the host of a URL has an address. Raises OSError when it has none."""
    await addresses(urlsplit(url).hostname or "")


async def addresses(host: str) -> tuple[str, ...]:
    """Every address that a host has. Raises OSError when it has none."""
    look = partial(socket.getaddrinfo, host, None, type=socket.SOCK_STREAM)
    try:
        found = await asyncio.get_running_loop().run_in_executor(_threads(), look)
    except socket.gaierror as error:
        raise OSError(f"no address for {host}: {error.strerror}") from None
    except UnicodeError:
        raise OSError(f"{host!r} is no name of a host") from None
    return tuple(str(place[4][0]) for place in found)


def close() -> None:
    """Forget what has not begun; who asks again finds new threads."""
    _threads().shutdown(wait=False, cancel_futures=True)
    _threads.cache_clear()


@cache
def _threads() -> ThreadPoolExecutor:
    """None begins before it is needed."""
    return ThreadPoolExecutor(THREADS, thread_name_prefix="names")
