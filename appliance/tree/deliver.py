"""One delivery: a downstream is told until it knows, after pauses that grow with its failures.

Who has not answered for long is lost: tried rarely, and like anybody else from its first sign of life. Where it can be
seen what a downstream publishes, it is looked at: who was told and still carries something older is told again.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

from appliance import log
from appliance.records import Delivery
from appliance.settings import Downstream
from appliance.store import Store
from appliance.tree import sight
from appliance.tree.bookkeeping import kept
from appliance.tree.signs import Signs
from appliance.tree.tell import Answer
from appliance.tree.teller import Teller

FIRST_RETRY: Final = 5.0
LAST_RETRY: Final = 900.0
"""Seconds between two attempts to tell one downstream: doubled each time, from the first to the last."""

LOST_AFTER: Final = 8
"""Attempts in a row, for one archive, that could not reach a downstream: twenty minutes when nothing is new. For its
other archives the first one is enough then."""

RARELY: Final = 3600.0
"""Seconds between two attempts to tell a downstream that is lost, however many archives it is owed."""

LEAST_JITTER: Final = 0.8
MOST_JITTER: Final = 1.2
"""Shares of a pause that are really waited, so that not everybody comes at once."""

LOOKS: Final = (5.0, 10.0, 20.0, 40.0, 80.0)
"""Seconds between two looks at what a downstream publishes that was told: its sync may go on behind its answer."""


class Deliverer:
    """Tells one downstream at a time for each call, keeps in the store how it goes, and says so (``on_change``).

    ``find`` is a downstream as the settings in force have it, ``is_back`` is called with who answers after failures.
    """

    def __init__(
        self,
        store: Store,
        teller: Teller,
        signs: Signs,
        scratch: Path,
        find: Callable[[str, str], Downstream | None],
        is_back: Callable[[Delivery], None],
        on_change: Callable[[], None],
    ) -> None:
        self._store, self._teller, self._signs, self._scratch = store, teller, signs, scratch
        self._find, self._is_back, self._on_change = find, is_back, on_change

    async def deliver(self, one: Downstream, archive: str, attempted: asyncio.Event) -> None:
        """Return when it knows. ``attempted`` is set when it was tried to tell it, or that is not due for long."""
        try:
            if one.push == "all":
                await asyncio.sleep(one.delay)
            while owed := await self._due(one.name, archive, attempted):
                one = self._find(one.name, archive) or one
                with self._signs.watched((one.name, archive)):
                    pause = await self._once(one, owed, attempted)
                if pause is None:
                    return
                await asyncio.sleep(pause)
        finally:
            attempted.set()

    async def _once(self, one: Downstream, owed: Delivery, attempted: asyncio.Event) -> float | None:
        """One attempt; returns the seconds until the next one, None when it knows."""
        answer = Answer() if owed.state == "delivered" else await self._attempt(one, owed)
        attempted.set()
        if trouble := answer.trouble or await self._unseen(one, owed, answer.carries):
            return await self._failed(owed, trouble, answer.reached)
        newest = await kept(lambda: self._store.delivery(owed.downstream, owed.archive), owed.downstream)
        return None if newest is None or newest.publication == owed.publication else 0.0

    async def _due(self, name: str, archive: str, attempted: asyncio.Event) -> Delivery | None:
        """What a downstream is owed, when it is time to tell it; None when that is nothing."""
        while owed := await kept(lambda: self._store.delivery(name, archive), name):
            if owed.state != "lost":
                return owed
            attempted.set()
            wait = (owed.next or 0) - time.time()
            if not 0 < wait <= RARELY * MOST_JITTER:  # further ahead than it ever is put: the clock was set back
                return owed
            await asyncio.sleep(wait)
        return None

    async def _attempt(self, one: Downstream, owed: Delivery) -> Answer:
        """Tell it, and take its own word for what it publishes then, if it gives it."""
        attempts = owed.attempts + 1
        if owed.state == "lost":
            await self._note(owed, self._store.postpone, owed.downstream, owed.archive, time.time() + RARELY)
        else:
            await self._tell(owed, "pushing", owed.error, owed.next, attempts, owed.silent)
        answer = await self._teller.tell(one, owed.archive)
        if answer.reached:
            self._is_back(owed)
        if not answer.trouble and answer.carries:
            answer = replace(answer, trouble=await self._compared(owed, answer.carries))
            if answer.site != owed.site:
                await self._note(owed, self._store.found_at, owed.downstream, owed.archive, answer.site)
        if not answer.trouble:
            await self._delivered(owed, attempts, settled=not _is_looked_at(one, owed, answer.carries))
        return answer

    async def _delivered(self, owed: Delivery, attempts: int, settled: bool) -> None:
        await self._note(owed, self._store.tell, owed, "delivered", "", None, attempts, 0, settled)
        self._on_change()
        log.event(
            "delivered", archive=owed.archive, downstream=owed.downstream, serial=owed.serial,
            seconds=round(time.time() - owed.since, 2),
        )  # fmt: skip

    async def _unseen(self, one: Downstream, owed: Delivery, carries: str | None) -> str:
        """See what it publishes; returns the trouble when that stays older than what it was told of."""
        if not _is_looked_at(one, owed, carries):
            return ""
        seen, trouble = None, ""
        for pause in (0.0, *LOOKS):
            await asyncio.sleep(pause)
            seen, trouble = await sight.serial(one.site.replace("*", owed.archive), self._scratch)
            if seen is not None and not (trouble := await self._compared(owed, seen)):
                break
        if seen is not None and trouble:
            return trouble
        # Who cannot be seen was told nevertheless.
        await self._tell(owed, "delivered", trouble, attempts=owed.attempts + 1)
        self._on_change()
        return ""

    async def _compared(self, owed: Delivery, seen: str) -> str:
        await self._note(owed, self._store.seen, owed.downstream, owed.archive, seen, time.time())
        return f"it was told, and still publishes serial {seen}" if owed.is_behind(seen) else ""

    async def _failed(self, owed: Delivery, trouble: str, reached: bool) -> float:
        """Keep what went wrong; returns the seconds to wait here: who is lost has its pause before its next attempt.

        One whose machine came up a moment after it was tried is tried again at once.
        """
        known = await kept(lambda: self._store.deliveries(owed.downstream), owed.downstream)
        # Not as it was before the attempt: it may have answered for another archive meanwhile.
        before = next((told.silent for told in known if told.archive == owed.archive), owed.silent)
        attempts, silent = owed.attempts + 1, 0 if reached else before + 1
        lost = not reached and self._is_lost(owed, known, silent)
        pause = RARELY if lost else min(LAST_RETRY, FIRST_RETRY * 2 ** min(attempts - 1, 10))
        pause *= 0.0 if self._signs.came((owed.downstream, owed.archive)) else random.uniform(LEAST_JITTER, MOST_JITTER)
        if attempts == 1 and not lost:
            log.trouble("not delivered", archive=owed.archive, downstream=owed.downstream, reason=trouble)
        await self._tell(owed, "lost" if lost else "failing", trouble, time.time() + pause, attempts, silent)
        self._on_change()
        return 0.0 if lost else pause

    def _is_lost(self, owed: Delivery, known: list[Delivery], silent: int) -> bool:
        """Whether one that could not be reached again is lost, for this archive or for any; says when it gets so."""
        if any(told.state == "lost" for told in known):
            return True
        if silent < LOST_AFTER:
            return False
        log.trouble("downstream is lost, it is tried rarely from now on", downstream=owed.downstream)
        return True

    async def _tell(
        self,
        owed: Delivery,
        state: str,
        error: str = "",
        next: float | None = None,
        attempts: int = 0,
        silent: int = 0,
    ) -> None:
        await self._note(owed, self._store.tell, owed, state, error, next, attempts, silent)

    async def _note(self, owed: Delivery, write: Callable[..., object], *values: object) -> None:
        await kept(partial(write, *values), owed.downstream)


def _is_looked_at(one: Downstream, owed: Delivery, carries: str | None) -> bool:
    """Whether somebody who was told is to be seen publishing it: who says what it carries needs not."""
    return carries is None and bool(one.site and owed.serial)
