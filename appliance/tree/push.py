"""Tell the downstreams: all at once, each on its own, until they know, or until newer news supersedes the old."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection
from contextvars import Context
from dataclasses import replace

from appliance import log
from appliance.places import Places
from appliance.records import Delivery
from appliance.settings import Downstream, Settings
from appliance.store import Store
from appliance.tree import tell
from appliance.tree.barrier import Barrier
from appliance.tree.bookkeeping import dispensable, kept
from appliance.tree.callers import Callers
from appliance.tree.deliver import Deliverer
from appliance.tree.signs import Signs
from appliance.tree.teller import Teller

_Key = tuple[str, str]
"""A downstream's name and an archive's."""


class Push:
    """The downstreams and what each of them has been told."""

    def __init__(self, settings: Settings, places: Places, store: Store, on_change: Callable[[], None]) -> None:
        self.settings = settings
        self._store, self._teller, self._signs = store, Teller(settings, places), Signs()
        told = self._teller, self._signs
        self._deliverer = Deliverer(store, *told, places.run, self._find, self._is_back, on_change)
        self._barrier, self._callers = Barrier(self._teller), Callers()
        self._telling: dict[_Key, asyncio.Task[None]] = {}
        self._attempted: dict[_Key, asyncio.Event] = {}

    async def start(self) -> None:
        """Go on where an earlier life ended; of its connections nothing is left. Waits for a store that can be read."""
        await self._teller.connections.end()
        await kept(self._store.deliveries, "every one")
        self.resume()

    def take_over(self, settings: Settings, afresh: bool = True) -> None:
        """Use these settings from now on; ``afresh``: with connections of their own, and who could not be told is told
        again."""
        self.settings = self._teller.settings = settings
        if afresh:
            self._teller.connections.renew()
        self.resume(again=afresh)

    async def stage1(self, archive: str) -> None:
        """Have every staged downstream fetch the payload; returns when each live one has, or at the push timeout.

        Without the store nobody is known to be lost, and everybody is told.
        """
        lost: set[str] = set()
        with dispensable():
            lost = {told.downstream for told in self._store.deliveries() if told.state == "lost"}
        present = [one for one in self.staged(archive) if one.name not in lost]
        await self._barrier.pass_with(present, archive, self.settings.push_timeout)

    def staged(self, archive: str) -> list[Downstream]:
        """The downstreams that fetch the payload before anything is published."""
        return [one for one in self.settings.downstreams_of(archive) if one.push != "all"]

    def spread(self, archive: str, publication: int, serial: str | None, again: Collection[str] = ()) -> None:
        """Tell everyone who does not know yet of this publication, in the background; who is in ``again`` anyway."""
        known = {told.downstream: told for told in self._store.deliveries() if told.archive == archive}
        owed = [
            one
            for one in self.settings.downstreams_of(archive)
            if one.name in again or one.name not in known or known[one.name].publication != publication
        ]
        self._store.deliver([one.name for one in owed], archive, publication, serial, time.time())
        for name in again:
            self.revive(name)
        for one in owed:
            if (one.name, archive) not in self._telling or not self._is_lost(one.name, archive):
                self._start(one, archive)

    def revive(self, name: str) -> None:
        """A downstream showed a sign of life, or somebody knows better: what it is owed it is told now.

        What it is being told already, it is told again at once should that fail.
        """
        for owed in self._store.deliveries(name):
            if not self._signs.note((owed.downstream, owed.archive)):
                self._hurry(owed)

    async def fetched(self, user: str, address: str) -> None:
        """Somebody fetches from us by rsync: if it is one who was lost, it is told now, but not again and again.

        Only who is lost: in others our own trigger may have made them fetch.
        """
        with dispensable():
            owed = self._store.lost().items()  # nobody, mostly: there may be hundreds who fetch, and be told, at a time
            lost = [one for name, archive in owed if (one := self._find(name, archive))]
            for name in await self._callers.among(lost, user, address):
                self.revive(name)

    def _hurry(self, owed: Delivery) -> None:
        """Who is lost stays so until it answers."""
        one = self._find(owed.downstream, owed.archive)
        if one and owed.state in ("failing", "lost"):
            with dispensable():
                state = "lost" if owed.state == "lost" else "pending"
                self._store.tell(owed, state, owed.error, None, owed.attempts, owed.silent)
            self._start(one, owed.archive)

    def _is_back(self, owed: Delivery) -> None:
        """One has answered: if it had not before, what it is owed of other archives need not wait."""
        hopeful = ("failing", "lost") if owed.attempts else ("lost",)
        with dispensable():
            others = [told for told in self._store.deliveries(owed.downstream) if told.state in hopeful]
            if self._store.found(owed.downstream):
                log.event("downstream is back", downstream=owed.downstream)
            for other in others:
                if other.archive != owed.archive and not self._signs.note((other.downstream, other.archive)):
                    self._hurry(replace(other, state="failing", attempts=1, silent=0))

    async def first_round(self, archive: str) -> None:
        """Return when everybody who is being told has been told, or could not be told for the first time."""
        waiting = [event for (_, owed), event in self._attempted.items() if owed == archive]
        await asyncio.gather(*(event.wait() for event in waiting))

    def resume(self, again: bool = False) -> None:
        """Go on with what was owed before; forget who is no longer a downstream. ``again``: without any pause."""
        with dispensable():
            for owed in self._store.deliveries():
                self._resume(owed, again)

    def _resume(self, owed: Delivery, again: bool) -> None:
        key, one = (owed.downstream, owed.archive), self._find(owed.downstream, owed.archive)
        if one is None:
            with dispensable():
                self._store.forget_delivery(*key)
        elif again and owed.state in ("failing", "lost"):
            self._hurry(owed)
        elif key not in self._telling and (owed.state != "delivered" or (one.site and not owed.is_confirmed)):
            self._start(one, owed.archive)

    def _find(self, name: str, archive: str) -> Downstream | None:
        known = self.settings.downstreams_of(archive) if archive in self.settings.archives else ()
        return next((one for one in known if one.name == name), None)

    def _is_lost(self, name: str, archive: str) -> bool:
        owed = self._store.delivery(name, archive)
        return owed is not None and owed.state == "lost"

    async def stop(self) -> None:
        """End every ssh and every kept connection; what was owed stays owed."""
        for work in self._telling.values():
            work.cancel()
        await asyncio.gather(*self._telling.values(), self._barrier.end(), return_exceptions=True)
        await self._teller.connections.end()

    def _start(self, one: Downstream, archive: str) -> None:
        key = (one.name, archive)
        if running := self._telling.pop(key, None):
            running.cancel()
            self._attempted[key].set()
        attempted = self._attempted[key] = asyncio.Event()
        # It may outlive the run that it is begun in, and its lines are not about that.
        work = self._deliverer.deliver(one, archive, attempted)
        telling = self._telling[key] = asyncio.create_task(work, context=Context())
        telling.add_done_callback(lambda done: self._telling.pop(key) if self._telling.get(key) is done else None)

    async def callback(self, archive: str) -> None:
        """Tell whoever wants to know that a run has ended; what comes of it does not matter."""
        if one := self.settings.archives[archive].callback:
            trouble = await tell.call_back(self.settings, self._teller.connections, one)
            log.event("called back", archive=archive, host=one.host, trouble=trouble or None)
