"""A plan is carried out: payload, then all that makes it visible."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from appliance.meanwhile import meanwhile
from appliance.run.ahead import Ahead
from appliance.run.fetching import Fetching
from appliance.run.figures import Reports
from appliance.run.ground import Ground
from appliance.run.inspection import Inspection
from appliance.run.order import Order
from appliance.run.publication import Publication
from appliance.run.sealing import Early, Sealing
from appliance.sync import trace


class Carrying:
    """The carrying out of one plan; ``reports`` is told how far it has come."""

    def __init__(self, ground: Ground, inspection: Inspection, fetching: Fetching, reports: Reports) -> None:
        self._ground, self._fetching, self._reports = ground, fetching, reports
        self._sealing = Sealing(ground, inspection)

    async def carry_out(
        self, work: Order, to_the_end: bool, index: Ahead, holds: Callable[[], Awaitable[None]]
    ) -> bool:
        """Both halves, or the first one; ``index`` may have been fetched ahead. True when something was published.

        Whether the plan ``holds`` is asked before anybody is told.
        """
        async with self._sealing.early(work.plan, to_the_end) as early:
            await index.beside(lambda: self._fetching.payload(work.plan))
            await holds()
            await self._stage1(to_the_end)
            return await self._finish(work, index, early) if to_the_end else False

    async def _stage1(self, to_the_end: bool) -> None:
        """Payload is here, and somebody may wait for it."""
        ground = self._ground
        await ground.hook(2)
        if not to_the_end:
            await ground.hook(3)
            await meanwhile(lambda: trace.write_stage1(ground.tree, ground.trace()))
            await ground.hook(4)
        await self._announce()
        await self._reports.payload_is_here()

    async def _finish(self, work: Order, index: Ahead, early: Early) -> bool:
        """The second half: indices, and everything visible at once. True when there was something to publish."""
        ground, fetching, sealing = self._ground, self._fetching, self._sealing
        if work.plan.updating:
            await sealing.until_quiet(fetching, work.plan.updating, self._reports.news)
        ground.figures.enter("index")
        if await index.done():
            seal = await early.seal()
        else:
            seal = None
            await fetching.index(work.plan)
        await fetching.twins(work.plan)
        await sealing.staged()
        await sealing.examine(work)
        if not await sealing.is_news(work.plan):
            await meanwhile(ground.staging.keep_only, ())
            ground.store.repaired(ground.name, work.broken)
            return False
        seal = seal or await sealing.seal(fetching, work.plan)
        await self._announce()
        await self._reports.verified(bool(ground.figures.payload))
        await Publication(ground).publish(seal)
        ground.store.repaired(ground.name, work.broken)
        await ground.hook(4)
        return True

    async def _announce(self) -> None:
        """Whoever below is about to fetch payload finds there which."""
        self._ground.figures.enter("tree")
        if self._reports.staged():
            await meanwhile(self._ground.chronicle.announce)
