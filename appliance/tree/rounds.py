"""When each mirror is looked at: seldom while it has what we have, again and again while it has not.

Each has a task of its own, so that nobody waits for another; who does not answer takes a place among his like only.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from appliance import log
from appliance.meanwhile import ended

SLOW: Final = 45.0
"""Seconds between two looks at who is well: even who goes back without a word is seen within a minute."""

CALM: Final = 15.0
"""Looks in a second, on average, when very many are well."""

FIRST: Final = 0.5
"""Seconds from news to the first look: by then those who were quick have it."""

QUICK: Final = 1.0
STEADY: Final = 5.0
"""Seconds between two looks at who is behind: doubled each time, from the first to the last."""

LONG: Final = 3600.0
SHARE: Final = 100
RARELY: Final = 180.0
"""Who has been behind for longer is looked at after a share of that time, and so many seconds at the most."""

RATE: Final = 25.0
"""Looks in a second, on average, when many are behind for long."""

APART: Final = 0.01
"""Seconds between the beginnings of two looks, whoever wants them."""

PLACES: Final = 32
SILENT_PLACES: Final = 8
"""Looks at a time, and those at mirrors that did not answer the last one."""

_Key = tuple[str, str]
"""A mirror's name and an archive's, or whatever two words tell who is to be looked at."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a look has come to: for how many seconds there has been something missing, None for nothing."""

    age: float | None = None
    answered: bool = True


class Rounds:
    """Looks at everybody who is kept, for ever."""

    def __init__(self, look: Callable[[_Key], Awaitable[Found]]) -> None:
        self._look = look
        self._going: dict[_Key, asyncio.Task[None]] = {}
        self._news: dict[_Key, asyncio.Event] = {}
        self._places, self._silent_places = asyncio.Semaphore(PLACES), asyncio.Semaphore(SILENT_PLACES)
        self._next = 0.0

    def keep(self, keys: Collection[_Key]) -> None:
        """Look at these from now on, and at nobody else."""
        for key in set(self._going) - set(keys):
            self._going.pop(key).cancel()
            del self._news[key]
        for key in keys:
            if key not in self._going:
                self._news[key] = asyncio.Event()
                self._going[key] = asyncio.create_task(self._follow(key, self._news[key]))

    def hurry(self, keys: Iterable[_Key]) -> None:
        """There may be news of these."""
        for key in keys:
            if key in self._news:
                self._news[key].set()

    async def end(self) -> None:
        """Look at nobody any more."""
        going = list(self._going.values())
        self.keep(())
        await ended(*going)

    async def _follow(self, key: _Key, news: asyncio.Event) -> None:
        turn, found = 0, Found()
        while True:
            news.clear()
            async with self._places if found.answered else self._silent_places:
                await self._spaced()
                found = await self._looked(key)
            turn = turn + 1 if found.age is not None else 0
            with suppress(TimeoutError):  # not wait_for: in Python 3.11 a cancellation may be lost in it
                async with asyncio.timeout(self.pause(turn - 1, found.age)):
                    await news.wait()
                turn = 0
                await asyncio.sleep(FIRST)

    async def _looked(self, key: _Key) -> Found:
        try:
            return await self._look(key)
        except Exception:  # a fault of ours must not leave a mirror unwatched for ever
            log.fault("look at a mirror hit a fault of the appliance itself", mirror=" ".join(filter(None, key)))
            return Found(age=LONG)

    async def _spaced(self) -> None:
        """Everybody at once is a load that nobody has asked for."""
        now = time.monotonic()
        begin = self._next = max(now, self._next + APART)
        await asyncio.sleep(begin - now)

    def pause(self, turn: int, age: float | None) -> float:
        """Seconds to the next look."""
        if age is None:
            return max(SLOW, len(self._going) / CALM) * random.uniform(0.8, 1.2)
        if age > LONG:
            return min(RARELY, age / SHARE) * random.uniform(0.8, 1.2)
        pause = QUICK * 2.0 ** min(max(turn, 0), 10)
        return pause if pause < STEADY else max(STEADY, len(self._going) / RATE)
