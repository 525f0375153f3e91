"""Tell the downstreams: all at once, each on its own, until they know (PROTOCOL sections 1.1, 1.4 and 6).

Stage 1 has a barrier: it is over when the last downstream has its payload, could not be reached, or the push timeout
has passed; who could not be reached before is told, and not waited for. Everything else is a delivery: told until told,
or until a newer publication supersedes it.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Collection
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Final

from appliance import log
from appliance.places import Places
from appliance.records import Delivery
from appliance.settings import Downstream, Settings
from appliance.store import Store
from appliance.tree import tell
from appliance.tree.connections import Connections

FIRST_RETRY: Final = 5.0
LAST_RETRY: Final = 900.0
"""Seconds between two attempts to tell one downstream: doubled each time, from the first to the last."""

SILENT_SHARE: Final = 4
"""Of the downstreams that are told at a time, one in so many may be one that could not be reached before."""

_Key = tuple[str, str]
"""A downstream's name and an archive's."""


class Push:
    """The downstreams and what each of them has been told."""

    def __init__(self, settings: Settings, places: Places, store: Store, on_change: Callable[[], None]) -> None:
        self.settings, self._on_change = settings, on_change
        self._store, self._connections = store, Connections(places)
        self._room = asyncio.Semaphore(settings.push_concurrency)
        self._room_for_silent = asyncio.Semaphore(max(1, settings.push_concurrency // SILENT_SHARE))
        self._lines: dict[_Key, asyncio.Lock] = {}
        self._prepared: dict[str, set[str]] = {}
        self._telling: dict[_Key, asyncio.Task[None]] = {}
        self._attempted: dict[_Key, asyncio.Event] = {}
        self._preparing: dict[_Key, asyncio.Task[None]] = {}

    async def start(self) -> None:
        """Go on where an earlier life ended; of its connections nothing is left."""
        await self._connections.end()
        self.resume()

    def take_over(self, settings: Settings) -> None:
        """Use these settings from now on, with connections of their own; who could not be told is told again."""
        self.settings = settings
        self._connections.renew()
        self.resume()

    async def stage1(self, archive: str) -> None:
        """Have every staged downstream fetch the payload; returns when each live one has, or at the push timeout."""
        staged = [one for one in self.settings.downstreams_of(archive) if one.push != "all"]
        self._prepared[archive] = set()
        preparing = {self._preparing_of(one, archive): one for one in staged}
        waiting = {task: one for task, one in preparing.items() if not self._connections.is_silent(one)}
        if not waiting:
            return
        _, late = await asyncio.wait(waiting, timeout=self.settings.push_timeout)
        for absent in late:
            # Not cancelled: its stage 2 waits for it on the same line, and a slow transfer is not lost work.
            log.trouble("stage 1 not finished in time, going on", archive=archive, downstream=waiting[absent].name)

    def _preparing_of(self, one: Downstream, archive: str) -> asyncio.Task[None]:
        """A stage 1 that is still under way is not sent a second time behind itself."""
        key = (one.name, archive)
        if key not in self._preparing or self._preparing[key].done():
            self._preparing[key] = asyncio.create_task(self._prepare(one, archive))
        return self._preparing[key]

    async def _prepare(self, one: Downstream, archive: str) -> None:
        await asyncio.sleep(one.delay)
        trouble = await self._tell(one, archive, "stage1")
        if trouble:
            log.trouble("stage 1 not delivered", archive=archive, downstream=one.name, reason=trouble)
        else:
            self._prepared.setdefault(archive, set()).add(one.name)

    def spread(self, archive: str, publication: int, serial: str | None, again: Collection[str] = ()) -> None:
        """Tell everyone who does not know yet of this publication, in the background; who is in ``again`` anyway."""
        for one in self.settings.downstreams_of(archive):
            known = self._store.delivery(one.name, archive)
            if known and known.publication == publication and one.name not in again:
                continue
            self._store.deliver(one.name, archive, publication, serial, time.time())
            self._start(one, archive)

    async def first_round(self, archive: str) -> None:
        """Return when everybody who is being told has been told, or could not be told for the first time."""
        waiting = [event for (_, owed), event in self._attempted.items() if owed == archive]
        await asyncio.gather(*(event.wait() for event in waiting))

    def resume(self) -> None:
        """Go on with what was owed before a restart or a reload; forget who is no longer a downstream."""
        for owed in self._store.deliveries():
            one = self._find(owed.downstream, owed.archive)
            if one is None:
                self._store.forget_delivery(owed.downstream, owed.archive)
            elif owed.state == "failing" or (
                owed.state != "delivered" and (owed.downstream, owed.archive) not in self._telling
            ):
                self._start(one, owed.archive)

    def _find(self, name: str, archive: str) -> Downstream | None:
        known = self.settings.downstreams_of(archive) if archive in self.settings.archives else ()
        return next((one for one in known if one.name == name), None)

    async def stop(self) -> None:
        """End every ssh and every kept connection; what was owed stays owed."""
        under_way = [*self._telling.values(), *self._preparing.values()]
        for work in under_way:
            work.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)
        await self._connections.end()

    def _start(self, one: Downstream, archive: str) -> None:
        key = (one.name, archive)
        if running := self._telling.pop(key, None):
            running.cancel()
            self._attempted[key].set()
        self._attempted[key] = asyncio.Event()
        telling = self._telling[key] = asyncio.create_task(self._deliver(one, archive))
        telling.add_done_callback(lambda done: self._telling.pop(key) if self._telling.get(key) is done else None)

    async def _deliver(self, one: Downstream, archive: str) -> None:
        attempts, attempted = 0, self._attempted[one.name, archive]
        try:
            if one.push == "all":
                await asyncio.sleep(one.delay)
            while owed := self._store.delivery(one.name, archive):
                attempts += 1
                self._store.tell(owed, "pushing", owed.error, None, attempts)
                trouble = await self._tell_or_fail(self._find(one.name, archive) or one, archive)
                if not trouble:
                    return self._delivered(owed, attempts)
                attempted.set()
                await self._failed(owed, trouble, attempts)
        finally:
            attempted.set()

    def _stage_of(self, one: Downstream, archive: str) -> str:
        """Stage 2 for who has stage 1 of this round; everything for everyone else, and for every later attempt."""
        prepared = self._prepared.get(archive, set())
        if one.name not in prepared:
            return "all"
        prepared.discard(one.name)
        return "stage2"

    def _delivered(self, owed: Delivery, attempts: int) -> None:
        self._store.tell(owed, "delivered", attempts=attempts)
        self._on_change()
        log.event(
            "delivered", archive=owed.archive, downstream=owed.downstream, serial=owed.serial,
            seconds=round(time.time() - owed.since, 2),
        )  # fmt: skip

    async def _failed(self, owed: Delivery, trouble: str, attempts: int) -> None:
        pause = min(LAST_RETRY, FIRST_RETRY * 2 ** min(attempts - 1, 10)) * random.uniform(0.8, 1.2)
        self._store.tell(owed, "failing", trouble, time.time() + pause, attempts)
        self._on_change()
        if attempts == 1:
            log.trouble("not delivered", archive=owed.archive, downstream=owed.downstream, reason=trouble)
        await asyncio.sleep(pause)

    async def _tell_or_fail(self, one: Downstream, archive: str) -> str:
        """A fault of ours is one more reason to try again, never the end of a delivery."""
        try:
            return await self._tell(one, archive)
        except Exception as error:
            log.fault("telling a downstream hit a fault of the appliance", archive=archive, downstream=one.name)
            return f"{type(error).__name__}: {error}"

    async def _tell(self, one: Downstream, archive: str, stage: str = "") -> str:
        """Tell once, never twice at a time the same downstream about the same archive; returns the trouble.

        Without a ``stage`` it is what is left of this round: that is known when a late stage 1 has been answered.
        """
        async with self._lines.setdefault((one.name, archive), asyncio.Lock()), self._place(one), self._room:
            return await tell.tell(
                self.settings, self._connections, one, archive, stage or self._stage_of(one, archive)
            )

    def _place(self, one: Downstream) -> AbstractAsyncContextManager[None]:
        """Those who may never answer leave most of the room to the others."""
        return self._room_for_silent if self._connections.is_silent(one) else nullcontext()

    async def callback(self, archive: str) -> None:
        """Tell whoever wants to know that a run has ended; what comes of it does not matter."""
        if one := self.settings.archives[archive].callback:
            trouble = await tell.call_back(self.settings, self._connections, one)
            log.event("called back", archive=archive, host=one.host, trouble=trouble or None)
