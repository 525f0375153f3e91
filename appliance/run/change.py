"""The way of one change through one archive: plan, payload, index, verify, publish, trace, prune.

    plan ─▶ payload into the tree ─▶ [payload is here: who asked for stage 1 is answered] ─▶ index into staging
         ─▶ verify ─▶ [verified: the caller has the tree below fetch its payload] ─▶ publish, one rename after the
         other ─▶ trace ─▶ delete what has been gone long enough

Every step takes its truth from disk, so that after a crash at any point the next run only has to start over.
"""

from __future__ import annotations

import asyncio
import os
from typing import Final

from appliance.commands import Verdict
from appliance.errors import SyncError
from appliance.meanwhile import meanwhile
from appliance.places import Places
from appliance.records import Run
from appliance.run.attempt import Attempt
from appliance.run.figures import Figures, Permits, Reports
from appliance.run.ground import Ground
from appliance.run.inspection import Inspection
from appliance.run.order import Ordering
from appliance.run.planning import Planning
from appliance.run.publication import Publication
from appliance.settings import Settings
from appliance.store import Store
from appliance.volume import Volume

ATTEMPTS: Final = 4
"""So often one run plans before an upstream that keeps changing under it counts as a failure."""

DOUBTED: Final = 2
"""So many of them, the last ones, compare everything: what the upstream's journal tells of may be there no more."""

NONE: Final = Permits()


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
        ground = self._ground = Ground(settings, places, store, name, run, permits, figures, volume)
        self.figures = ground.figures
        self._inspection = Inspection(ground)
        self._planning = Planning(settings, places, store, name, self._differ, heed=self._inspection.expect)
        self._ordering = Ordering(ground)

    async def sync(self, to_the_end: bool, reports: Reports) -> bool:
        """Bring the archive to its upstream's state; True when something new was published.

        Without ``to_the_end`` the run is over when the payload is here. Raises SyncError; what is published stays as it
        was, and what was refused is kept for a look.
        """
        await self._ground.hook(1)
        deadline = self._ground.archive.deadline
        try:
            async with asyncio.timeout(deadline):
                return await self._attempts(to_the_end, reports)
        except SyncError as error:
            if error.misfits:
                await self._inspection.keep(error)
            raise
        except TimeoutError:
            fact = f"no end after {deadline} s, while in {self.figures.stage}"
            raise SyncError(fact, "a retry resumes it; raise DEADLINE if it needs longer", Verdict.NETWORK) from None

    def _differ(self, paths: int) -> None:
        """So many differences has the comparison found."""
        self.figures.differences = paths

    async def _attempts(self, to_the_end: bool, reports: Reports) -> bool:
        misfits: frozenset[str] = frozenset()
        for left in reversed(range(ATTEMPTS)):
            try:
                attempt = Attempt(self._ground, self._inspection, self._planning, self._ordering, to_the_end)
                return await attempt.make(reports, misfits, left < DOUBTED)
            except SyncError as error:
                if error.verdict is not Verdict.MOVED or not left:
                    raise
                misfits |= {path for path in error.paths if self._is_held(path)}
        raise AssertionError("unreachable")

    def _is_held(self, path: str) -> bool:
        """Only such a path is the upstream asked for again: one that it never had would fail the next fetch."""
        return os.path.lexists(self._ground.staging.index / path) or os.path.lexists(self._ground.tree / path)

    async def finish_publication(self) -> None:
        """Make what is staged and verified visible; called after a crash, it does what was left to do."""
        await Publication(self._ground).finish()

    async def publish_origin(self) -> str:
        """At an origin: the tree is written, give it its next serial; returns the serial."""
        return await Publication(self._ground).origin()

    async def after_push(self) -> None:
        """The downstreams have been told once: the last hook. Raises HookError."""
        await self._ground.hook(5)

    async def prune(self) -> None:
        """Delete what has been gone upstream for long enough."""
        self.figures.deleted += await self._ordering.prune()
        await meanwhile(self._ground.staging.forget_partial)
