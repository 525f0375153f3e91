"""One delivery: a downstream is told until it knows, after pauses that grow with its failures.

Who has not answered for long is lost: tried rarely, and like anybody else from its first sign of life. Where it can be
seen what a downstream publishes, it is looked at: who was told and still carries something older is told again.
"""

from __future__ import annotations

import asyncio
import random
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from appliance import log
from appliance.records import Delivery
from appliance.settings import Downstream
from appliance.store import Store
from appliance.tree import sight
from appliance.tree.tell import Answer
from appliance.tree.teller import Teller

FIRST_RETRY: Final = 5.0
LAST_RETRY: Final = 900.0
"""Seconds between two attempts to tell one downstream: doubled each time, from the first to the last."""

LOST_AFTER: Final = 8
"""Attempts in a row, of whatever publication, that could not reach a downstream: twenty minutes when nothing is new."""

RARELY: Final = 3600.0
"""Seconds between two attempts to tell a downstream that is lost."""

STORE_PAUSE: Final = 30.0
"""Seconds until a state volume that could not be written is tried again."""

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
        scratch: Path,
        find: Callable[[str, str], Downstream | None],
        is_back: Callable[[Delivery], None],
        on_change: Callable[[], None],
    ) -> None:
        self._store, self._teller, self._scratch = store, teller, scratch
        self._find, self._is_back, self._on_change = find, is_back, on_change

    async def deliver(self, one: Downstream, archive: str, attempted: asyncio.Event) -> None:
        """Return when it knows. ``attempted`` is set when it was tried to tell it, or that is not due for long."""
        try:
            if one.push == "all":
                await asyncio.sleep(one.delay)
            while not await self._knows(one, archive, attempted):
                await asyncio.sleep(STORE_PAUSE)
        finally:
            attempted.set()

    async def _knows(self, one: Downstream, archive: str, attempted: asyncio.Event) -> bool:
        """Return when it knows, or when the store cannot be used: what it owes is still in it then."""
        try:
            while owed := await self._due(one.name, archive, attempted):
                one = self._find(one.name, archive) or one
                answer = Answer() if owed.state == "delivered" else await self._attempt(one, owed)
                attempted.set()
                trouble = answer.trouble or await self._behind(one, owed, answer.carries)
                if not trouble:
                    return True
                await self._failed(owed, trouble, answer.reached)
        except sqlite3.Error as error:
            attempted.set()
            log.trouble("telling waits for the store", archive=archive, downstream=one.name, reason=str(error))
            return False
        return True

    async def _due(self, name: str, archive: str, attempted: asyncio.Event) -> Delivery | None:
        """What a downstream is owed, when it is time to tell it; None when that is nothing."""
        owed = self._store.delivery(name, archive)
        if owed and owed.state == "lost":
            attempted.set()
            await asyncio.sleep(max(0.0, (owed.next or 0) - time.time()))
        return self._store.delivery(name, archive)

    async def _attempt(self, one: Downstream, owed: Delivery) -> Answer:
        attempts = owed.attempts + 1
        state = "lost" if owed.state == "lost" else "pushing"
        self._store.tell(owed, state, owed.error, owed.next, attempts, owed.silent)
        answer = await self._teller.tell(one, owed.archive)
        if not answer.trouble:
            self._store.tell(owed, "delivered", attempts=attempts)
            self._on_change()
            log.event(
                "delivered", archive=owed.archive, downstream=owed.downstream, serial=owed.serial,
                seconds=round(time.time() - owed.since, 2),
            )  # fmt: skip
        if owed.silent and answer.reached:
            self._is_back(owed)
        return answer

    async def _behind(self, one: Downstream, owed: Delivery, carries: str | None) -> str:
        """See what it publishes; returns the trouble when that stays older than what it was told of."""
        if carries is not None or not (one.site and owed.serial):
            return self._compared(owed, carries)
        seen, trouble = None, ""
        for pause in (0.0, *LOOKS):
            await asyncio.sleep(pause)
            seen, trouble = await sight.serial(one.site.replace("*", owed.archive), self._scratch)
            if seen is not None and not (trouble := self._compared(owed, seen)):
                return ""
        if seen is None:  # who cannot be seen was told nevertheless
            self._store.tell(owed, "delivered", trouble, attempts=owed.attempts + 1)
            return ""
        return trouble

    def _compared(self, owed: Delivery, seen: str | None) -> str:
        if seen is None:
            return ""
        self._store.seen(owed.downstream, owed.archive, seen)
        return f"it was told, and still publishes serial {seen}" if owed.is_behind(seen) else ""

    async def _failed(self, owed: Delivery, trouble: str, reached: bool) -> None:
        """Keep what went wrong, and wait until it is time for another attempt."""
        attempts = owed.attempts + 1
        silent = 0 if reached else owed.silent + 1
        lost = silent >= LOST_AFTER
        pause = RARELY if lost else min(LAST_RETRY, FIRST_RETRY * 2 ** min(attempts - 1, 10))
        pause *= random.uniform(0.8, 1.2)
        about = {"downstream": owed.downstream, "reason": trouble}
        if lost and not any(told.state == "lost" for told in self._store.deliveries(owed.downstream)):
            log.trouble("downstream is lost, it is tried rarely from now on", **about)
        elif attempts == 1:
            log.trouble("not delivered", archive=owed.archive, **about)
        self._store.tell(owed, "lost" if lost else "failing", trouble, time.time() + pause, attempts, silent)
        self._on_change()
        if not lost:  # its pause comes before the next attempt, also when another life makes that
            await asyncio.sleep(pause)
