"""How fresh every mirror is that we know of: as its users see it, as those above it tell, or as traces give away."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from typing import Final

from appliance.places import Places
from appliance.records import Sighting
from appliance.settings import Settings
from appliance.store import Store
from appliance.tree import arrivals, probe
from appliance.tree.bookkeeping import dispensable
from appliance.tree.freshness import History
from appliance.tree.gathered import Gathered
from appliance.tree.hearsay import REPORT, Hearsay, served
from appliance.tree.kin import MOST, Key
from appliance.tree.lookout import Lookout, Seen
from appliance.tree.rounds import Found, Rounds

OFTEN: Final = 1.0
SELDOM: Final = 0.1
"""Seconds between two looks at what was published and delivered, at most and at least."""

REMEMBERED: Final = 900.0
"""Seconds from our start in which those whom only others know are still there, although nobody has told of them."""


class Watch:
    """The mirrors around us, and what was last seen of each. ``on_change``: one does something else than before."""

    def __init__(self, settings: Settings, places: Places, store: Store, on_change: Callable[[], None]) -> None:
        self._on_change = on_change
        self._activities: dict[Key, str | None] = {}
        self._places, self._store, self._lookout = places, store, Lookout(places.run)
        self._gathered = Gathered(settings, before={(one.mirror, one.archive): one for one in store.sightings()})
        self._written = {key: _lasting(one) for key, one in self._gathered.before.items()}
        self._hearsay = Hearsay(self._gathered, self._lookout, self._hurry)
        self._rounds: Rounds | None = None
        self._states: dict[str, tuple[int, int]] = {}
        self._strangers: set[str] = set()
        self._news, self._began = asyncio.Event(), time.monotonic()
        self._is_together = False
        self._catch_up()

    def take_over(self, settings: Settings) -> None:
        """Use these settings from now on."""
        self._gathered.take_over(settings)
        self._is_together = False
        self._follow()
        self.news()

    def _follow(self) -> None:
        if self._rounds:
            self._rounds.keep(self._wanted())

    def news(self) -> None:
        """Something was published, or delivered, perhaps: whom it concerns is looked at soon."""
        self._news.set()

    def sightings(self, archive: str | None = None) -> tuple[Sighting, ...]:
        """What is known of every mirror now, of one archive or of all; our own first."""
        now, found = time.time(), self._all().values()
        stood = (self._gathered.stood(one, now) for one in found if archive in (None, one.archive))
        return tuple(sorted(stood, key=lambda one: (one.source != "self", one.mirror, one.archive)))

    def names(self) -> frozenset[str]:
        """What may name a mirror where no name is ever forgotten: all that we were told of by our operator.

        And the first of those that others tell of, who may tell of ever new ones.
        """
        members = self._gathered.members.values()
        ours = {name for member in members for name in (member.mirror, member.told)}
        new = {one.mirror for one in self._all().values()} - ours - self._strangers
        self._strangers |= set(sorted(new)[: MOST - len(self._strangers)])
        return frozenset(ours | self._strangers)

    def _all(self) -> dict[Key, Sighting]:
        if self._rounds is None:  # nobody else does
            self._catch_up()
            self._is_together = False
        if not self._is_together:
            self._gathered.together(self._store, time.monotonic() - self._began < REMEMBERED)
            self._is_together = True
        return self._gathered.before

    async def work(self) -> None:
        """Look around, until cancelled."""
        self._rounds = Rounds(self._look)
        self._rounds.keep(self._wanted())
        try:
            while True:
                self._news.clear()
                with dispensable():
                    self._rounds.hurry(self._catch_up())
                    self._keep()
                await asyncio.sleep(SELDOM)
                with suppress(TimeoutError):
                    async with asyncio.timeout(OFTEN):
                        await self._news.wait()
        finally:
            await self._rounds.end()
            await self._lookout.close()

    def _hurry(self, keys: Iterable[Key]) -> None:
        if self._rounds:
            self._rounds.hurry(keys)

    def _wanted(self) -> set[Key]:
        """Whom to look at: everybody else with a URL, and the reports of those with one that may serve them."""
        members = self._gathered.members
        seen = {key for key, member in members.items() if member.urls and member.source != "self"}
        return seen | {(mirror, REPORT) for mirror, archive in seen if served(members[mirror, archive])}

    def _catch_up(self) -> set[Key]:
        """Take note of what was published and delivered; returns whom that concerns."""
        concerned: set[Key] = set()
        for archive in self._gathered.settings.archives:
            if self._has_published(archive):
                concerned |= {key for key in self._wanted() if key[1] in (archive, REPORT)}
        told = {(one.downstream, one.archive): one for one in self._store.deliveries()}
        changed = {key for key, one in told.items() if self._gathered.deliveries.get(key) != one}
        if told != self._gathered.deliveries:
            moved = any(self._gathered.site(key) != one.site for key, one in told.items())
            self._gathered.deliveries, self._is_together = told, False
            if moved:
                self._gathered.take_over(self._gathered.settings)
                self._follow()
        members = self._gathered.members
        return concerned | {key for key, member in members.items() if (member.told, member.archive) in changed}

    def _has_published(self, archive: str) -> bool:
        state = self._store.archive(archive)
        before, now = self._states.get(archive), (state.publication, state.failures)
        if before == now:
            return False
        self._states[archive], self._is_together = now, False
        if before and before[0] == now[0]:
            return False
        self._gathered.histories[archive] = History(self._store.publications(archive))
        self._gathered.own[archive] = probe.own(self._places.archive(archive), state.serial)
        return True

    async def _look(self, key: Key) -> Found:
        mirror, archive = key
        if archive == REPORT:
            found = await self._hearsay.ask(mirror)
            self._is_together = False
            return found
        history, before = self._gathered.history(archive), self._gathered.looks.get(key)
        member, above = self._gathered.members[key], (self._gathered.settings.name,)
        seen = await self._lookout.look(member.urls, history.publications, above, before)
        self._gathered.looks[key], self._is_together = seen, False
        if member.claimed and not seen.glimpse:  # nobody promised that it can be seen
            return Found(answered=False)
        return Found(_age(seen, history), answered=not seen.failures)

    def _keep(self) -> None:
        """Write down what has changed, for the next life, which is told by the store; what passes is told here."""
        lasting = {key: _lasting(one) for key, one in self._all().items() if one.source != "self"}
        activities = {key: one.activity for key, one in self._gathered.before.items()}
        if activities != self._activities:
            self._activities = activities
            self._on_change()
        changed = [self._gathered.before[key] for key, one in lasting.items() if self._written.get(key) != one]
        gone = self._written.keys() - lasting.keys()
        if changed or gone:
            self._store.keep_sightings(changed, gone)
            self._written = lasting
            self._count(changed, gone)

    def _count(self, changed: Iterable[Sighting], gone: Iterable[Key]) -> None:
        """What has arrived where, for the metrics; of whom nobody knows any more nothing is told."""
        settings, everybody = self._gathered.settings, self._gathered.before.values()
        told = {member.mirror: member.told for member in self._gathered.members.values() if member.told}
        arrivals.note(self._store, settings.name, changed, everybody, told)
        for mirror, archive in gone:
            self._store.forget_arrivals(told.get(mirror, mirror), archive)


def _age(seen: Seen, history: History) -> float | None:
    """For how long a mirror has not been what it should be, or has been on its way there."""
    now = time.time()
    glimpse = seen.glimpse
    lag = history.standing(glimpse.carried, now, publication=glimpse.number).lag if glimpse else None
    if seen.failures or not seen.is_settled:
        return now - seen.since
    return min(lag, now - seen.since) if lag else None


def _lasting(one: Sighting) -> Sighting:
    """What of a sighting is worth a write: that it was seen again is, once in a while."""
    seen_at = None if one.seen_at is None else one.seen_at // 600
    return replace(one, looked_at=None, seen_at=seen_at, fresh="unknown", missed=None, lag=None, activity=None)
