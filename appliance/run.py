"""The way of one change through one archive: plan, payload, index, verify, publish, trace, prune.

    plan ─▶ payload into the tree ─▶ [payload is here: who asked for stage 1 is answered] ─▶ index into staging
         ─▶ verify ─▶ [verified: the caller has the tree below fetch its payload] ─▶ publish, one rename after the
         other ─▶ trace ─▶ delete what has been gone long enough

Every step takes its truth from disk, so that after a crash at any point the next run only has to start over.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Collection, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Final

from appliance import hooks, log
from appliance.ahead import Ahead
from appliance.chronicle import Chronicle
from appliance.commands import Verdict
from appliance.errors import SyncError
from appliance.figures import Figures, Permits, Reports
from appliance.gone import Gone
from appliance.inspection import Inspection
from appliance.meanwhile import meanwhile
from appliance.places import Places
from appliance.planning import Planning
from appliance.reach import profile_of, source_of
from appliance.records import Run
from appliance.settings import Archive, Settings
from appliance.space import Amount
from appliance.store import Store
from appliance.sync import fetch, plan, prune, publish, trace, verify
from appliance.sync.count import Count
from appliance.sync.need import need_of
from appliance.sync.order import roots_of
from appliance.sync.profile import HIERARCHY
from appliance.sync.source import Source
from appliance.testimony import testify
from appliance.volume import Volume

LONGEST_PAUSE: Final = 15.0
"""Seconds between two looks at an upstream that is being updated."""

ATTEMPTS: Final = 4
"""So often one run plans before an upstream that keeps changing under it counts as a failure."""


NONE: Final = Permits()


@dataclass(frozen=True, slots=True)
class _Order:
    """A plan and what is asked for besides; of the ``broken`` files those that are ``wanted`` can be had."""

    plan: plan.Plan
    broken: Collection[str]
    wanted: list[str]


class Change:
    """One run of one archive."""

    def __init__(
        self,
        settings: Settings,
        places: Places,
        store: Store,
        name: str,
        run: Run,
        permits: Permits = NONE,
        figures: Figures | None = None,
        volume: Volume | None = None,
    ) -> None:
        self._settings, self._places, self._store = settings, places, store
        self._name, self._run, self._permits = name, run, permits
        self._archive: Archive = settings.archives[name]
        self._profile = profile_of(self._archive)
        self._tree = places.archive(name)
        self._staging = fetch.Staging(places.staging(name))
        self._volume = volume or Volume(places, settings.reserve)
        self.figures = figures or Figures()
        self._paths = 0
        self._inspection = Inspection(settings, places, store, name, run, permits)
        self._planning, self._chronicle = (
            Planning(settings, places, store, name, self._differ),
            Chronicle(places, name, settings.name),
        )
        self._gone = Gone(places, store, self._chronicle, name)

    async def sync(self, to_the_end: bool, reports: Reports) -> bool:
        """Bring the archive to its upstream's state; True when something new was published.

        Without ``to_the_end`` the run is over when the payload is here. Raises SyncError; what is published stays as it
        was, and what was refused is kept for a look.
        """
        await self._hook(1)
        try:
            async with asyncio.timeout(self._archive.deadline):
                return await self._attempts(to_the_end, reports)
        except SyncError as error:
            if error.misfits:
                await self._inspection.keep(error)
            raise
        except TimeoutError:
            fact = f"no end after {self._archive.deadline} s, while in {self.figures.stage}"
            raise SyncError(fact, "a retry resumes it; raise DEADLINE if it needs longer", Verdict.NETWORK) from None

    def _differ(self, paths: int) -> None:
        """So many differences has the comparison found."""
        self.figures.differences = paths

    async def _attempts(self, to_the_end: bool, reports: Reports) -> bool:
        misfits: frozenset[str] = frozenset()
        for left in reversed(range(ATTEMPTS)):
            try:
                return await self._attempt(to_the_end, reports, misfits)
            except SyncError as error:
                if error.verdict is not Verdict.MOVED or not left:
                    raise
                misfits |= {path for path in error.paths if self._is_held(path)}
        raise AssertionError("unreachable")

    def _is_held(self, path: str) -> bool:
        """Only such a path is the upstream asked for again: one that it never had would fail the next fetch."""
        return os.path.lexists(self._staging.index / path) or os.path.lexists(self._tree / path)

    async def _attempt(self, to_the_end: bool, reports: Reports, misfits: frozenset[str]) -> bool:
        asked = self._run.trigger != "retry"
        await self._with_room(lambda: self._volume.check(self._name, asked), self._prune_published)
        self._staging.prepare()
        source = source_of(self._settings, self._places, self._name)
        self.figures.enter("plan")
        early = to_the_end and not misfits and source.leaves_room and self._planning.walks
        async with Ahead(partial(self._fetch_roots, source) if early else None) as roots:
            full = self._permits.full or bool(misfits)
            planned = await roots.beside(lambda: self._planning.plan(source, full, not to_the_end))
            same = await roots.done() and await self._is_same(planned.plan)
        self.figures.planner = planned.planner
        work = self._order(planned.plan, misfits)
        self.figures.expect(work.plan, to_the_end)
        need = await meanwhile(need_of, work.plan, self._staging.index, self._volume.look()[0].block)
        ways = self._prune_published, self._forget_partial
        await self._with_room(lambda: self._volume.fit(self._name, need), *ways)
        with self._volume.promise(self._name, need, self._outstanding):
            async with roots if same and not work.wanted else self._index_ahead(source, work, to_the_end) as index:
                news = await self._carry_out(source, work, to_the_end, reports, index)
        if to_the_end and planned.mark and not self._gone.holds:  # what is held back is to be asked for again
            self._planning.keep(planned.mark)
        return news

    async def _with_room(self, look: Callable[[], None], *ways: Callable[[], Awaitable[None]]) -> None:
        """Have a look that raises SyncError when there is no room, until all ways to make some have been gone."""
        for make_room in ways:
            try:
                return look()
            except SyncError:
                await make_room()
        return look()

    async def _prune_published(self) -> None:
        """What has been gone for long enough; only what the last publication had no more."""
        await self._gone.prune(self._archive.grace, self._store.archive(self._name).published or 0.0)

    async def _forget_partial(self) -> None:
        """To resume a file takes room for all of it, beside the part: a part that keeps its own file out is no use."""
        await meanwhile(self._staging.forget_partial)
        self._staging.prepare()

    def _outstanding(self) -> Amount:
        counts = (self.figures.arriving, self.figures.staging)
        return Amount(
            sum(count.planned_bytes - count.bytes for count in counts),
            sum(count.planned_files - count.files for count in counts),
        )

    def _order(self, planned: plan.Plan, misfits: Iterable[str]) -> _Order:
        """What is done of a plan, and asked for besides."""
        work = self._gone.doom(planned, self._permits.deletes)
        broken = self._store.repairs(self._name)
        wanted = work.offered(self._tree, broken)
        roots = self._roots() if work.whole else ()
        return _Order(work.insisting_on([*roots, *misfits, *wanted], self._tree), broken, wanted)

    def _index_ahead(self, source: Source, work: _Order, to_the_end: bool) -> Ahead:
        """Indices come while the last payload does: nothing of them is visible before all of it is here, and verified.

        Of a long fetch only the end: they would be old by then.
        """
        may = to_the_end and source.leaves_room and not work.plan.updating
        return Ahead(partial(self._fetch_index_in_time, source, work.plan) if may else None)

    async def _fetch_index_in_time(self, source: Source, work: plan.Plan) -> None:
        await self.figures.arriving.ending.wait()
        await self._fetch_index(source, work)

    async def _is_same(self, planned: plan.Plan) -> bool:
        """Whether neither the walk nor a comparison of the root files has found anything."""
        await meanwhile(self._staging.drop_known, self._tree)
        return planned.empty and not planned.updating and not set(publish.staged(self._staging.index)) - {HIERARCHY}

    async def _carry_out(self, source: Source, work: _Order, to_the_end: bool, reports: Reports, index: Ahead) -> bool:
        await index.beside(lambda: self._fetch_payload(source, work.plan))
        await self._hook(2)
        if not to_the_end:
            await self._hook(3)
            trace.write_stage1(self._tree, self._trace())
            await self._hook(4)
        self.figures.enter("tree")
        await meanwhile(self._chronicle.announce)
        await reports.payload_is_here()
        return await self._finish(source, work, reports, index) if to_the_end else False

    async def _finish(self, source: Source, work: _Order, reports: Reports, index: Ahead) -> bool:
        """The second half: indices, and everything visible at once. True when there was something to publish."""
        if work.plan.updating:
            await self._until_quiet(source, work.plan.updating)
        self.figures.enter("index")
        if not await index.done():
            await self._fetch_index(source, work.plan)
        await self._staged()
        await self._examine(work.plan, work.wanted)
        self._forget(set(work.broken) - set(work.wanted))
        if not self._is_news(work.plan):
            await meanwhile(self._staging.keep_only, ())
            self._store.repaired(self._name, work.broken)
            return False
        seal = await self._seal(source, work.plan)
        self.figures.enter("tree")
        await meanwhile(self._chronicle.announce)
        await reports.verified(bool(self.figures.payload))
        await self._publish(seal)
        self._store.repaired(self._name, work.broken)
        await self._hook(4)
        return True

    def _forget(self, paths: Iterable[str]) -> None:
        """What the upstream has no more and we neither is missed by nobody."""
        self._store.buried(self._name, [path for path in paths if not os.path.lexists(self._tree / path)])

    async def _examine(self, work: plan.Plan, wanted: list[str]) -> None:
        """Raises SyncError for what cannot be repaired; it is not asked for again, or it would hold up every update."""
        try:
            await self._inspection.examine(work, wanted)
        except SyncError:
            self._store.repaired(self._name, wanted)
            raise

    def _is_news(self, work: plan.Plan) -> bool:
        """Whether readers or downstreams get anything out of a publication: files, or the first one at all."""
        state = self._store.archive(self._name)
        first = not state.publication and work.upstream_files > 0
        return first or bool(state.unpublished) or bool(set(publish.staged(self._staging.index)) - {HIERARCHY})

    async def _until_quiet(self, source: Source, flags: tuple[str, ...]) -> None:
        """Wait for an upstream that changes its tree, then plan again; one that never ends has forgotten its flag."""
        self.figures.enter("upstream")
        end, pause = time.monotonic() + self._archive.update_wait, 1.0
        while time.monotonic() < end:
            await asyncio.sleep(min(pause, max(0.0, end - time.monotonic())))
            if not await plan.updating(source):
                raise SyncError.moved(f"the upstream was being updated ({', '.join(flags)})")
            pause = min(2 * pause, LONGEST_PAUSE)
        if self._profile.name == "generic" or self._archive.verify == "off":
            cure = "have it removed there, or wait: it is tried again by itself"
            raise SyncError(f"the upstream keeps its flag {', '.join(flags)} up", cure, Verdict.BUSY)
        log.trouble("the upstream keeps its flag up, verifying what it has", archive=self._name, flag=flags[0])

    def _roots(self) -> list[str]:
        """The files readers begin with: compared by content at every run."""
        known = [path for path in self._store.roots(self._name) if (self._tree / path).is_file()]
        return [*(path for path in known if not prune.below_link(self._tree, path)), *trace.roots(self._tree)]

    async def _fetch_payload(self, source: Source, work: plan.Plan) -> None:
        self.figures.enter("payload")
        started = self.figures.since
        self._chronicle.note_changes(work.payload)
        self._paths = work.upstream_files or self._paths
        files = work.payload.files
        self.figures.arriving.expect(work.payload)
        if files:
            self._store.payload_came(self._name, self._run.started)
        count = self.figures.arriving
        async with self._inspection.reading(work.payload) as heed:
            fetching = fetch.payload(source, self._staging, self._tree, work.payload, count, heed)
            try:
                received = await self._volume.watching(fetching)
            finally:
                count.ending.set()  # whoever waits for it need not any more
        self.figures.bytes += received  # not in one: others add to it meanwhile
        self.figures.payload += files
        self.figures.payload_seconds += time.monotonic() - started

    async def _fetch_roots(self, source: Source) -> None:
        """Bring the root files to staging, whatever their size and time say."""
        work = plan.Plan().insisting_on(self._roots(), self._tree)
        received = await fetch.index(source, self._staging, self._tree, work.index, Count())
        self.figures.bytes += received  # not in one: others add to it meanwhile

    async def _fetch_index(self, source: Source, work: plan.Plan) -> None:
        started = time.monotonic()
        await meanwhile(self._staging.keep_only, plan.paths(work.index))
        self.figures.staging.restart()  # what was tried ahead of its turn is fetched anew
        self.figures.staging.expect(work.index)
        fetching = fetch.index(source, self._staging, self._tree, work.index, self.figures.staging)
        received = await self._volume.watching(fetching)
        self.figures.bytes += received
        self.figures.index_seconds += time.monotonic() - started

    async def _staged(self) -> None:
        """Everything is in staging: keep of it what readers have not."""
        await meanwhile(self._staging.drop_known, self._tree)
        self.figures.index += len(publish.staged(self._staging.index))

    async def _seal(self, source: Source, work: plan.Plan) -> verify.Seal:
        """Verified, and on the disk. Raises as ``_verify``."""
        before = self.figures.payload
        async with publish.reaching_disk(self._tree):
            seal = await self._verify(source, work)
        if self.figures.payload != before:  # more came meanwhile
            await publish.reach_disk(self._tree)
        return seal

    async def _verify(self, source: Source, work: plan.Plan) -> verify.Seal:
        """Raises SyncError for an update that does not fit together.

        Payload that the indices name and that came upstream after our plan was made is fetched at once: with an
        upstream that never rests, a new plan would always be late.
        """
        self.figures.enter("verify")
        for _ in range(ATTEMPTS):
            try:
                return await self._inspection.verify(work)
            except SyncError as error:
                if not error.missing or not await self._fetch_missing(source, error.missing):
                    raise
        return await self._inspection.verify(work)

    async def _fetch_missing(self, source: Source, missing: frozenset[str]) -> bool:
        """Whether the upstream has all of it, at paths that we would take at any time."""
        work = plan.Plan(payload=plan.harmless(self._tree, missing))
        if len(work.payload) < len(missing):
            return False
        try:
            await self._fetch_payload(source, work)
        except SyncError as error:
            if error.verdict is not Verdict.MOVED:
                raise
            return False
        return True

    async def _publish(self, seal: verify.Seal) -> None:
        self.figures.enter("publish")
        beginnings = roots_of(self._profile, publish.staged(self._staging.index))
        roots = {path: seal.valid_until.get(path) for path in beginnings}
        self._chronicle.note((path, None) for path in publish.staged(self._staging.index))
        self._store.publishing(self._name, self._run.id, seal.signed, roots)
        await self.finish_publication()

    async def finish_publication(self) -> None:
        """Make what is staged and verified visible; called again after a crash, it does what was left to do."""
        await meanwhile(publish.publish, self._staging.index, self._tree, self._profile)
        await self._hook(3)
        await meanwhile(trace.write, self._tree, self._trace())
        paths = self._paths or self._chronicle.paths()
        await meanwhile(self._chronicle.record, paths, self._store.doomed(self._name))
        self._store.published(self._name, trace.serial_of(self._tree), time.time())

    async def publish_origin(self) -> str:
        """At an origin: the tree is written, give it its next serial; returns the serial."""
        self.figures.enter("publish")
        await self._hook(1)
        serial = await meanwhile(trace.bump, self._tree, self._trace())
        await meanwhile(self._chronicle.record_scan)
        self._store.published(self._name, serial, time.time())
        await self._hook(4)
        return serial

    async def after_push(self) -> None:
        """The downstreams have been told once: the last hook. Raises HookError."""
        await self._hook(5)

    async def _hook(self, point: int) -> None:
        figures, upstream = self.figures, self._archive.upstream
        facts: dict[str, hooks.Fact] = {
            "archive": self._name,
            "run": self._run.id,
            "kind": self._run.kind,
            "trigger": self._run.trigger,
            "tree": str(self._tree),
            "upstream": upstream.url if upstream else None,
            "serial": trace.serial_of(self._tree),
            "payload": figures.payload,
            "index": figures.index,
            "bytes": figures.bytes,
        }
        await hooks.call(self._settings.hooks, point, facts, self._settings.hook_deadline)

    async def prune(self) -> None:
        """Delete what has been gone upstream for long enough."""
        self.figures.deleted += len(await self._gone.prune(self._archive.grace))
        await meanwhile(self._staging.forget_partial)

    def _trace(self) -> trace.Trace:
        return testify(self._settings, self._places, self._name, self._run, self.figures)
