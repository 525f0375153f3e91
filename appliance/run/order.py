"""A plan as it is carried out: what is guarded, what is asked for besides, and room on the disk for it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable
from dataclasses import dataclass

from appliance.errors import SyncError
from appliance.meanwhile import meanwhile
from appliance.run.gone import Gone
from appliance.run.ground import Ground
from appliance.space import Amount
from appliance.sync.need import need_of
from appliance.sync.plan import Plan


@dataclass(frozen=True, slots=True)
class Order:
    """A plan and what is asked for besides; of the ``broken`` files those that are ``wanted`` can be had."""

    plan: Plan
    broken: Collection[str]
    wanted: list[str]


class Ordering:
    """Makes orders of plans, and room for them."""

    def __init__(self, ground: Ground) -> None:
        self._ground, self._staging, self._tree = ground, ground.staging, ground.tree
        self._gone = Gone(ground.places, ground.store, ground.chronicle, ground.name)

    @property
    def holds(self) -> bool:
        """Whether the last plan lost more than may go at once."""
        return self._gone.holds

    async def order(self, planned: Plan, roots: Callable[[], Iterable[str]], misfits: Iterable[str]) -> Order:
        """What is done of a plan, and asked for besides; nothing of it is kept yet."""
        work = await self._gone.judge(planned, self._ground.permits.deletes)
        broken = self._ground.store.repairs(self._ground.name)
        wanted = await meanwhile(work.offered, self._tree, broken)
        begin = roots() if work.whole else ()
        work = await meanwhile(work.insisting_on, [*begin, *misfits, *wanted], self._tree)
        return Order(work, broken, wanted)

    async def doom(self) -> None:
        """The plan that was ordered last holds: what is gone waits for its end, and what is back does no more."""
        await self._gone.doom()

    async def check(self) -> None:
        """Whether there is room for anything at all. Raises SyncError."""
        asked = self._ground.run.trigger != "retry"
        await _with_room(lambda: self._ground.volume.check(self._ground.name, asked), self._prune_published)

    async def fit(self, work: Plan, holds: Callable[[], Awaitable[None]]) -> Amount:
        """The room that a plan needs, and there is. Deletes make some only when it ``holds``. Raises SyncError."""
        volume, name = self._ground.volume, self._ground.name
        need = await meanwhile(need_of, work, self._staging.index, volume.look()[0].block)
        await _with_room(lambda: volume.fit(name, need), holds, self._prune_published, self._forget_partial)
        return need

    def outstanding(self) -> Amount:
        """The room that what has not come yet will take."""
        counts = (self._ground.figures.arriving, self._ground.figures.staging)
        return Amount(
            sum(count.planned_bytes - count.bytes for count in counts),
            sum(count.planned_files - count.files for count in counts),
        )

    async def prune(self) -> int:
        """Delete what has been gone upstream for long enough; returns how many files."""
        return len(await self._gone.prune(self._ground.archive.grace))

    async def _prune_published(self) -> None:
        """What has been gone for long enough; only what the last publication had no more."""
        published = self._ground.store.archive(self._ground.name).published
        await self._gone.prune(self._ground.archive.grace, published or 0.0)

    async def _forget_partial(self) -> None:
        """To resume a file takes room for all of it, beside the part: a part that keeps its own file out is no use."""
        await meanwhile(self._staging.forget_partial)
        self._staging.prepare()


async def _with_room(look: Callable[[], None], *ways: Callable[[], Awaitable[None]]) -> None:
    """Have a look that raises SyncError when there is no room, until all ways to make some have been gone."""
    for make_room in ways:
        try:
            return look()
        except SyncError:
            await make_room()
    return look()
