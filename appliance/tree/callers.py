"""Who fetches from us by rsync is alive, also when our triggers do not reach him: which downstream is it?

By the user that he fetches as, when that is called like the downstream, or by his address, when the downstream's host
has it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from contextlib import suppress
from ipaddress import ip_address
from typing import Final

from appliance import names
from appliance.settings import Downstream

SELDOM: Final = 300.0
"""Seconds for which a downstream is not recognized again: one that fetches by a clock of its own, and that no trigger
reaches, is not to be tried with each of its connections."""

KNOWN: Final = 60.0
"""Seconds for which the addresses of a host are remembered."""

PATIENCE: Final = 5.0
"""Seconds that a name server has to answer."""

_Addresses = frozenset[str]


class Callers:
    """Recognizes downstreams that have been told to be lost."""

    def __init__(self) -> None:
        self._met: dict[str, float] = {}
        self._known: dict[str, tuple[float, _Addresses]] = {}

    async def among(self, lost: Iterable[Downstream], user: str, address: str) -> list[str]:
        """The names of those who fetch as this user or from this address, and were not recognized for long."""
        now = time.monotonic()
        hidden = [one for one in lost if self._is_hidden(one.name, now)]
        found = [one.name for one in hidden if one.name == user or await self._has(one.host, address, now)]
        news = [name for name in found if self._is_hidden(name, now)]  # he may have come twice meanwhile
        self._met |= dict.fromkeys(news, now)
        return news

    def _is_hidden(self, name: str, now: float) -> bool:
        return now - self._met.get(name, -SELDOM) >= SELDOM

    async def _has(self, host: str, address: str, now: float) -> bool:
        since, addresses = self._known.get(host, (-KNOWN, frozenset[str]()))
        if now - since >= KNOWN:
            self._known[host] = since, addresses = now, await self._resolved(host)
        return _spelt(address) in addresses

    async def _resolved(self, host: str) -> _Addresses:
        """Every address of a host; none when nobody can say."""
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(PATIENCE):
                return frozenset(map(_spelt, await names.addresses(host)))
        return frozenset()


def _spelt(address: str) -> str:
    """An address in its one spelling: of an interface nothing is said, nor that it is one of the older kind."""
    try:
        plain = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    return str(getattr(plain, "ipv4_mapped", None) or plain)
