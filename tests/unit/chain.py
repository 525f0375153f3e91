"""Two appliances, one below the other, over a real rsync daemon."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from appliance.controller import Controller, new_request
from appliance.records import Request
from tests.unit.house import House
from tests.unit.upstream import DebianTree

Scene = Callable[[Controller, Controller], Awaitable[None]]


@dataclass
class Chain:
    """An origin with an archive, and a leaf below it."""

    origin: House
    leaf: House
    archive: DebianTree

    def play(self, scene: Scene) -> None:
        """Both at work while the scene lasts."""

        async def both() -> None:
            async with self.origin.open() as origin, self.leaf.open() as leaf:
                await scene(origin, leaf)

        asyncio.run(both())

    @property
    def planner(self) -> str:
        """What made the leaf's last plan."""
        return self.leaf.store.archive("debian").planner

    def is_same(self) -> bool:
        """Whether the leaf has what the origin has, the traces of each for itself aside."""
        return self.origin.carried == self.leaf.carried


async def ask(controller: Controller, full: bool = False, trigger: str = "all", deletes: bool = False) -> Request:
    """One request and its answer; it must be good."""
    request = replace(new_request("debian", trigger, "ssh", "test", full=full), allow_deletes=deletes)
    controller.accept([request])
    async with asyncio.timeout(60):
        answer = await controller.lanes["debian"].answer(request.id)
    assert answer.code == 0, answer.answer
    return answer
