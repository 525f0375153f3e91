"""One attempt of a run: a plan is made, and carried out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

from appliance.run.ahead import Ahead
from appliance.run.carrying import Carrying
from appliance.run.fetching import Fetching
from appliance.run.figures import Reports
from appliance.run.ground import Ground
from appliance.run.inspection import Inspection
from appliance.run.order import Order, Ordering
from appliance.run.planning import Planned, Planning
from appliance.run.reach import source_of
from appliance.sync.fetch import is_brief
from appliance.sync.parting import Parting


class Attempt:
    """What one attempt works with; ``to_the_end`` as for a run."""

    def __init__(
        self, ground: Ground, inspection: Inspection, planning: Planning, ordering: Ordering, to_the_end: bool
    ) -> None:
        self._ground, self._inspection, self._planning, self._ordering = ground, inspection, planning, ordering
        self._source, self._to_the_end = source_of(ground.settings, ground.places, ground.name), to_the_end
        self._fetching = Fetching(ground, inspection, self._source)
        self._is_good = False

    async def make(self, reports: Reports, misfits: frozenset[str], doubted: bool) -> bool:
        """True when something was published. ``misfits`` are asked for again; all is compared when there are such.

        So it is when what the upstream's journal tells is ``doubted``. Raises SyncError.
        """
        ground = self._ground
        await self._ordering.check()
        ground.staging.prepare()
        ground.figures.enter("plan")
        with self._inspection.beforehand:
            return await self._make(reports, misfits, doubted)

    async def _make(self, reports: Reports, misfits: frozenset[str], doubted: bool) -> bool:
        ground = self._ground
        async with Parting() as parting:
            async with Ahead(self._fetching.fetch_roots if self._looks(misfits) else None) as roots:
                full = ground.permits.full or bool(misfits) or doubted
                planned = await roots.beside(partial(self._planning.plan, self._source, full, self._stage1, parting))
                same = await roots.done() and await self._fetching.is_same(planned.plan)
            ground.figures.planner = planned.planner
            work = await self._ordering.order(planned.plan, self._fetching.roots, misfits)
            if not is_brief(work.plan.payload):  # whoever waits for much does not notice, and much takes its memory
                self._inspection.beforehand.forget()
            holds = partial(self._holds, planned, parting)
            if parting.is_over or not self._may_overlap(work):
                await holds()
            news = await self._carry_out(work, roots if same and not work.wanted else None, holds, reports)
        if self._to_the_end and planned.mark and not self._ordering.holds:  # what is held back is to be asked for again
            self._planning.keep(planned.mark)
        return news

    @property
    def _stage1(self) -> bool:
        return not self._to_the_end

    def _looks(self, misfits: frozenset[str]) -> bool:
        """Whether the root files are fetched beside the plan: who pushes has something new, then they come later."""
        pushed = self._ground.run.trigger in ("ssh", "http")
        return self._to_the_end and not pushed and not misfits and self._source.leaves_room and self._planning.walks

    def _may_overlap(self, work: Order) -> bool:
        """Whether a fetch may begin while the walk ends: it is little, and the upstream lets in two of us."""
        return self._to_the_end and self._source.leaves_room and is_brief(work.plan.payload)

    async def _carry_out(
        self, work: Order, roots: Ahead | None, holds: Callable[[], Awaitable[None]], reports: Reports
    ) -> bool:
        """With ``roots`` there is no other index to fetch."""
        ground = self._ground
        ground.figures.expect(work.plan, self._to_the_end)
        need = await self._ordering.fit(work.plan, holds)
        with ground.volume.promise(ground.name, need, self._ordering.outstanding):
            async with roots or self._fetching.index_ahead(work.plan, self._to_the_end) as index:
                carrying = Carrying(ground, self._inspection, self._fetching, reports)
                return await carrying.carry_out(work, self._to_the_end, index, holds)

    async def _holds(self, planned: Planned, parting: Parting) -> None:
        """The plan is good, or SyncError is raised: what it tells is kept, once."""
        await parting.over()
        if not self._is_good:
            self._is_good = True
            self._planning.good(planned)
            await self._ordering.doom()
