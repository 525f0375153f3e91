from __future__ import annotations

import asyncio

from appliance.settings import Downstream
from appliance.tree.room import Room
from tests.unit.house import until

DEAD = [Downstream(f"dead{number}", f"dead{number}") for number in range(5)]
LIVE = [Downstream(f"live{number}", f"live{number}") for number in range(5)]


def test_who_does_not_answer_takes_nobodys_place() -> None:
    async def scene() -> None:
        room, told, back = Room(2, answers=lambda one: one not in DEAD), list[Downstream](), asyncio.Event()

        async def tell(one: Downstream) -> None:
            async with room.place(one, is_silent=False):
                if one in DEAD:
                    await back.wait()
                told.append(one)

        async with asyncio.TaskGroup() as group:
            for one in (*DEAD, *LIVE):
                group.create_task(tell(one))
            await until(lambda: told == LIVE)
            back.set()
        assert set(told) == {*DEAD, *LIVE}

    asyncio.run(scene())


def test_never_more_than_there_are_places_and_the_silent_beside_them() -> None:
    async def scene() -> None:
        room, inside, go = Room(4, answers=lambda one: True), list[Downstream](), asyncio.Event()

        async def tell(one: Downstream) -> None:
            async with room.place(one, is_silent=one in DEAD):
                inside.append(one)
                await go.wait()

        async with asyncio.TaskGroup() as group:
            for one in (*DEAD, *LIVE):
                group.create_task(tell(one))
            await until(lambda: len(inside) == 5)
            assert inside == [DEAD[0], *LIVE[:4]]
            go.set()

    asyncio.run(scene())
