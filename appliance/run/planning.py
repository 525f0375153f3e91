"""Which planner makes a run's plan: the upstream's journal where it can be followed, else one walk of both trees."""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from appliance import log
from appliance.meanwhile import meanwhile
from appliance.places import Places
from appliance.records import Mark
from appliance.run.ahead import Ahead
from appliance.run.gone import doomed
from appliance.run.reach import choice_of, journal_of, profile_of
from appliance.settings import Settings, Upstream
from appliance.store import Store
from appliance.sync import comparison, count
from appliance.sync.debian import twins
from appliance.sync.journal import follow, steps
from appliance.sync.journal.delta import Head
from appliance.sync.journal.follow import Absent, Astray
from appliance.sync.parting import Parting
from appliance.sync.plan import Plan
from appliance.sync.profile import HIERARCHY, TRACE_DIRECTORY
from appliance.sync.source import Source
from appliance.sync.staging import Staging

ABSENT: Final = 24 * 3600.0
"""Seconds for which an upstream without a journal is not asked for it again."""


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan, and where in the upstream's journal we are when it is carried out; None where there is none.

    ``why`` says why it is a walk, empty for a plan from the journal. ``promised`` tells that the
    journal has nothing new: then a walk is an audit, and what it finds is ``drift``: so many paths that nobody told of.
    """

    plan: Plan
    mark: Mark | None = None
    why: str = ""
    promised: bool = False
    drift: int = 0

    @property
    def planner(self) -> str:
        """``journal`` or ``walk``."""
        return "walk" if self.plan.whole else "journal"


class Walked:
    """A walk that is made ahead, and its plan when it is done."""

    def __init__(self, compare: Callable[[Source], Awaitable[Plan]], source: Source) -> None:
        self._compare, self._source = compare, source
        self.plan: Plan | None = None

    async def walk(self) -> None:
        """Make it. Raises SyncError."""
        self.plan = await self._compare(self._source)


class Planning:
    """The planners of one archive.

    ``differ`` hears, while they compare, how many differences they have found, ``heed`` which paths are to be replaced.
    ``cache`` is where the upstream's journal is copied to, by default the archive's own place for it.
    """

    def __init__(
        self,
        settings: Settings,
        places: Places,
        store: Store,
        name: str,
        differ: Callable[[int], None] = comparison.nobody,
        cache: Path | None = None,
        heed: Callable[[str], None] = count.nobody,
    ) -> None:
        self._settings, self._places, self._store, self._name = settings, places, store, name
        self._archive, self._differ, self._heed = settings.archives[name], differ, heed
        self._tree, self._cache = places.archive(name), cache or Staging(places.staging(name)).journal

    async def plan(self, source: Source, full: bool, stage1: bool, parting: Parting) -> Planned:
        """What a run has to do; ``full`` asks for the walk, ``stage1`` for what is announced as well.

        Raises SyncError as both planners do. It holds only if the ``parting`` comes to a good end: then it is ``good``.

        Files that are to be repaired ask for it as well: a journal says nothing of what did not change.
        """
        planned = await self.choose(source, full or bool(self._store.repairs(self._name)), stage1, parting)
        self._store.planned(self._name, f"walk: {planned.why}" if planned.why else "journal")
        return replace(planned, drift=await self._drift(planned.plan)) if planned.promised else planned

    def good(self, planned: Planned) -> None:
        """The plan holds: if everything was compared, keep what that told."""
        if not planned.plan.whole:
            return
        self._store.refuse(self._name, planned.plan.refused.count, planned.plan.refused.examples)
        self._store.audited(self._name, planned.drift, time.time())
        if planned.drift:
            log.trouble("the audit found what the journal did not tell", archive=self._name, paths=planned.drift)

    @property
    def walks(self) -> bool:
        """Whether it is known that the upstream has no journal."""
        absent = self._store.journal_absent(self._name)
        # In the future it was found absent before the clock was set back: then that is worth another look.
        return absent is not None and 0 <= time.time() - absent < ABSENT

    def keep(self, mark: Mark) -> None:
        """The plan was carried out: the tree is at its mark now."""
        self._store.keep_mark(self._name, replace(mark, terms=self._terms))

    async def _drift(self, work: Plan) -> int:
        known = await doomed(self._store, self._name)
        return await meanwhile(_drift, work, known)

    async def choose(self, source: Source, full: bool, stage1: bool = False, parting: Parting | None = None) -> Planned:
        """The same, and nothing of it is recorded; without a ``parting`` it holds."""
        if self.walks and not full:
            return Planned(await self._compare(source, parting), why="the upstream has no journal")
        journal, walked = journal_of(self._settings, self._places, self._name), Walked(self._compare, source)
        async with Ahead(walked.walk if self._may_walk_ahead(source) else None) as walk:
            try:
                head = await walk.beside(lambda: follow.look(journal, self._cache))
            except Astray as astray:
                if isinstance(astray, Absent):
                    self._store.lose_journal(self._name, time.time())
                work = walked.plan if await walk.done() else None
                return await self._walk(source, None, str(astray), work=work)
        return await self._from(source, head, full, stage1)

    def _may_walk_ahead(self, source: Source) -> bool:
        """Whether a walk is begun before it is known whether there is a journal: with nothing here it comes anyway.

        But behind a look at the journal, if there is one: then it begins anew.
        """
        return source.leaves_room and comparison.is_empty(self._tree)

    async def _from(self, source: Source, head: Head, full: bool, stage1: bool) -> Planned:
        here = Mark(head.epoch, head.serial, head.digest, self._terms)
        mark = self._store.mark(self._name)
        if full or mark is None or mark.terms != here.terms:
            why = "all was to be compared" if full else "nothing is known of the upstream's journal yet"
            return await self._walk(source, here, why, promised=mark == here)
        try:
            journal = journal_of(self._settings, self._places, self._name)
            changed = await follow.steps(journal, self._cache, head, mark)
        except Astray as astray:
            follow.forget(self._cache)
            return await self._walk(source, here, str(astray))
        changed += await meanwhile(follow.announced, self._cache, head) if stage1 else []
        facts = self._tree, profile_of(self._archive), source.hidden, head.paths, self._heed
        work = await asyncio.to_thread(steps.plan_of, changed, *facts)
        return Planned(replace(work, twins=twins.expected(changed)) if self._lists_all else work, here)

    async def _walk(
        self, source: Source, mark: Mark | None, why: str, promised: bool = False, work: Plan | None = None
    ) -> Planned:
        """One walk, if it was not made ahead (``work``).

        The journal was looked at before, so that what comes during the walk is found there.
        """
        return Planned(work or await self._compare(source), mark, why, promised)

    async def _compare(self, source: Source, parting: Parting | None = None) -> Plan:
        return await comparison.walk(source, self._tree, profile_of(self._archive), self._differ, self._heed, parting)

    @property
    def _lists_all(self) -> bool:
        """Whether indices are listed by their hashes, and held against these before they are published."""
        return self._archive.profile == "debian" and self._archive.verify != "off"

    @property
    def _terms(self) -> str:
        """What a mark holds for: with another upstream, layout, choice or tree everything is to be compared.

        A tree that was emptied, or restored from a backup, has another trace of ours than the last publication wrote.
        """
        upstream, archive = self._archive.upstream, self._archive
        trace = self._tree / TRACE_DIRECTORY / self._settings.name
        published = hashlib.sha256(trace.read_bytes()).hexdigest() if trace.is_file() else ""
        facts = [_place(upstream) if upstream else "", archive.profile, archive.index, choice_of(archive), published]
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def _place(upstream: Upstream) -> str:
    """Where an archive comes from. A daemon shows everybody the same, whose user's name may change with a password."""
    return upstream.url if upstream.scheme == "rsync+ssh" else replace(upstream, user="").url


def _drift(work: Plan, known: Collection[str]) -> int:
    gone = set(work.delete).difference(known)
    return work.payload.count + work.index.count - len(work.index.among({HIERARCHY})) + len(gone)
