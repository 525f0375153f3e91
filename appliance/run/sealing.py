"""Before a publication: what is staged is complete, fits together, and is on the disk."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Collection, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

from appliance import log
from appliance.commands import Verdict
from appliance.errors import SyncError
from appliance.meanwhile import meanwhile
from appliance.run.ahead import Ahead
from appliance.run.fetching import Fetching
from appliance.run.ground import Ground
from appliance.run.inspection import Inspection
from appliance.run.order import Order
from appliance.sync import comparison, plan, publish, verify
from appliance.sync.count import Count
from appliance.sync.profile import HIERARCHY

FIRST_PAUSE: Final = 1.0
LONGEST_PAUSE: Final = 15.0
"""Seconds between two looks at an upstream that is being updated: doubled each time, from the first to the longest."""

ATTEMPTS: Final = 4
"""So often payload is fetched that came upstream behind the plan."""


class Sealing:
    """The examination of what one run has fetched."""

    def __init__(self, ground: Ground, inspection: Inspection) -> None:
        self._ground, self._inspection = ground, inspection
        self._staging, self._figures = ground.staging, ground.figures

    async def until_quiet(self, fetching: Fetching, flags: tuple[str, ...], news: asyncio.Event) -> None:
        """Wait for an upstream that changes its tree, then plan again; one that never ends has forgotten its flag.

        Who pushes when he is done sets ``news``, and is looked at then.

        Raises SyncError for a new plan, and for a tree that nobody can verify.
        """
        archive, pause = self._ground.archive, FIRST_PAUSE
        self._figures.enter("upstream")
        end = time.monotonic() + archive.update_wait
        while time.monotonic() < end:
            await _pause(min(pause, max(0.0, end - time.monotonic())), news)
            if not await comparison.updating(fetching.source):
                raise SyncError.moved(f"the upstream was being updated ({', '.join(flags)})")
            pause = min(2 * pause, LONGEST_PAUSE)
        if self._ground.profile.name == "generic" or archive.verify == "off":
            cure = "have it removed there, or wait: it is tried again by itself"
            raise SyncError(f"the upstream keeps its flag {', '.join(flags)} up", cure, Verdict.BUSY)
        log.trouble("the upstream keeps its flag up, verifying what it has", archive=self._ground.name, flag=flags[0])

    def early(self, work: plan.Plan, to_the_end: bool) -> Early:
        """The verification of a plan as soon as all of it is said to be here, if it is to be published."""
        counts = (self._figures.arriving, self._figures.staging) if to_the_end and not work.twins else ()
        return Early(self._inspection, self._ground.tree, work, counts)

    async def staged(self) -> None:
        """Everything is in staging: keep of it what readers have not."""
        await meanwhile(self._staging.drop_known, self._ground.tree)
        self._figures.index += len(await meanwhile(publish.staged, self._staging.index))

    async def examine(self, work: Order) -> None:
        """Whether what was asked for again is good now, and what is nowhere any more is forgotten.

        Raises SyncError for what cannot be repaired; it is not asked for again, or it would hold up every update.
        """
        store, name = self._ground.store, self._ground.name
        try:
            await self._inspection.examine(work.plan, work.wanted)
        except SyncError:
            store.repaired(name, work.wanted)
            raise
        store.buried(name, self._nowhere(set(work.broken) - set(work.wanted)))

    def _nowhere(self, paths: Iterable[str]) -> list[str]:
        """What the upstream has no more and we neither is missed by nobody."""
        return [path for path in paths if not os.path.lexists(self._ground.tree / path)]

    async def is_news(self, work: plan.Plan) -> bool:
        """Whether readers or downstreams get anything out of a publication: files, or the first one at all."""
        state = self._ground.store.archive(self._ground.name)
        if state.unpublished or (not state.publication and work.upstream_files):
            return True
        return bool(set(await meanwhile(publish.staged, self._staging.index)) - {HIERARCHY})

    async def seal(self, fetching: Fetching, work: plan.Plan) -> verify.Seal:
        """Verified, and on the disk. Raises SyncError for an update that does not fit together."""
        before = self._figures.payload
        async with publish.reaching_disk(self._ground.tree):
            seal = await self._verify(fetching, work)
        if self._figures.payload != before:  # more came meanwhile
            await publish.reach_disk(self._ground.tree)
        return seal

    async def _verify(self, fetching: Fetching, work: plan.Plan) -> verify.Seal:
        """Payload that the indices name and that came upstream after our plan was made is fetched at once.

        With an upstream that never rests, a new plan would always be late.
        """
        self._figures.enter("verify")
        for _ in range(ATTEMPTS):
            try:
                return await self._inspection.verify(work)
            except SyncError as error:
                if not error.missing or not await fetching.missing(error.missing):
                    raise
        return await self._inspection.verify(work)


class Early(Ahead):
    """A verification that is begun before rsync has ended, which takes it 20 ms or more behind its last word.

    What it finds is good if all that was fetched turns out to have come; else it is done in its turn. Behind that last
    word nothing is staged but the twins of payload: where there are such it is not begun.
    """

    def __init__(self, inspection: Inspection, tree: Path, work: plan.Plan, counts: Collection[Count]) -> None:
        super().__init__(self._verify if counts else None)
        self._inspection, self._tree, self._work, self._counts = inspection, tree, work, counts
        self._seal: verify.Seal | None = None

    async def seal(self) -> verify.Seal | None:
        """Verified, and on the disk; None when it is not, was not begun, or more came behind it.

        Raises what is no SyncError.
        """
        if all(count.over.is_set() for count in self._counts):
            await self.done()
        return None if any(count.troubled for count in self._counts) else self._seal

    async def _verify(self) -> None:
        for count in self._counts:
            await count.over.wait()
        async with publish.reaching_disk(self._tree):
            seal = await self._inspection.verify(self._work)
        self._seal = seal


async def _pause(seconds: float, news: asyncio.Event) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await news.wait()
    news.clear()
