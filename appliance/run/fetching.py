"""The fetches of one run: payload into the tree, indices into staging, and the root files beside the plan."""

from __future__ import annotations

import os
import time
from functools import partial

from appliance.commands import Verdict
from appliance.errors import SyncError
from appliance.meanwhile import meanwhile
from appliance.run.ahead import Ahead
from appliance.run.ground import Ground
from appliance.run.inspection import Inspection
from appliance.sync import fetch, plan, prune, publish, trace
from appliance.sync.changes import Changes
from appliance.sync.count import Count
from appliance.sync.debian import twins
from appliance.sync.plan import Plan
from appliance.sync.profile import HIERARCHY
from appliance.sync.source import Source


class Fetching:
    """What a run fetches from one source, counted."""

    def __init__(self, ground: Ground, inspection: Inspection, source: Source) -> None:
        self._ground, self._inspection, self.source = ground, inspection, source
        self._staging, self._tree, self._figures = ground.staging, ground.tree, ground.figures

    async def payload(self, work: Plan) -> None:
        """Bring payload into the tree. Raises SyncError."""
        figures, changes = self._figures, work.payload
        figures.enter("payload")
        started = figures.since
        await meanwhile(self._ground.chronicle.note_changes, changes)
        self._ground.paths = work.upstream_files or self._ground.paths
        files = changes.files
        figures.arriving.expect(changes)
        if files:
            self._ground.store.payload_came(self._ground.name, self._ground.run.started)
        count = figures.arriving
        async with self._inspection.reading(changes) as heed:
            fetching = fetch.payload(self.source, self._staging, self._tree, changes, count, heed)
            try:
                received = await self._ground.volume.watching(fetching)
            finally:
                count.ending.set()  # whoever waits for it need not any more
        figures.bytes += received  # not in one: others add to it meanwhile
        figures.payload += files
        figures.payload_seconds += time.monotonic() - started

    async def missing(self, paths: frozenset[str]) -> bool:
        """Fetch payload that no plan knew; whether the upstream has all of it, at paths we would take at any time.

        What is here already and counts as gone may be what readers of the published indices need: a new plan sees.
        """
        if any(os.path.lexists(self._tree / path) for path in paths):
            return False
        work = Plan(payload=plan.harmless(self._tree, paths))
        if len(work.payload) < len(paths):
            return False
        try:
            await self.payload(work)
        except SyncError as error:
            if error.verdict is not Verdict.MOVED:
                raise
            return False
        return True

    def roots(self) -> list[str]:
        """The files readers begin with: compared by content at every run."""
        known = [path for path in self._ground.store.roots(self._ground.name) if (self._tree / path).is_file()]
        return [*(path for path in known if not prune.below_link(self._tree, path)), *trace.roots(self._tree)]

    async def fetch_roots(self) -> None:
        """Bring the root files to staging, whatever their size and time say."""
        work = Plan().insisting_on(self.roots(), self._tree)
        received = await fetch.index(self.source, self._staging, self._tree, work.index, Count())
        self._figures.bytes += received  # not in one: others add to it meanwhile

    async def is_same(self, planned: Plan) -> bool:
        """Whether neither the walk nor a comparison of the root files has found anything."""
        await meanwhile(self._staging.drop_known, self._tree)
        staged = await meanwhile(publish.staged, self._staging.index)
        return planned.empty and not planned.updating and not set(staged) - {HIERARCHY}

    async def index(self, work: Plan) -> None:
        """Bring the indices to staging, but for the twins of payload. Raises SyncError."""
        await meanwhile(lambda: self._staging.keep_only(plan.paths(work.index)))
        self._figures.staging.restart()  # what was tried ahead of its turn is fetched anew
        self._figures.staging.expect(work.index)
        await self._stage(await meanwhile(_alone, work) if work.twins else work.index)

    async def twins(self, work: Plan) -> None:
        """Stage what has come under another name, and fetch what has not. Raises SyncError."""
        asked = {change.path: change for change in await meanwhile(work.index.among, work.twins.keys())}
        times = {path: work.twins[path] for path in asked}
        staged = await meanwhile(twins.stage, self._tree, self._staging.index, times)
        if left := [change for path, change in asked.items() if path not in staged]:
            await self._stage(Changes.of(left))

    async def _stage(self, changes: Changes) -> None:
        figures, started = self._figures, time.monotonic()
        fetching = fetch.index(self.source, self._staging, self._tree, changes, figures.staging)
        received = await self._ground.volume.watching(fetching)
        figures.bytes += received
        figures.index_seconds += time.monotonic() - started

    def index_ahead(self, work: Plan, to_the_end: bool) -> Ahead:
        """Indices come while the last payload does: nothing of them is visible before all of it is here, and verified.

        Of a long fetch only the end: they would be old by then.
        """
        may = to_the_end and self.source.leaves_room and not work.updating
        return Ahead(partial(self._index_in_time, work) if may else None)

    async def _index_in_time(self, work: Plan) -> None:
        await self._figures.arriving.ending.wait()
        await self.index(work)


def _alone(work: Plan) -> Changes:
    """The indices whose content comes under no other name."""
    return work.index.only(lambda change: change.path not in work.twins)
