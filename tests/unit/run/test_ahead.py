from __future__ import annotations

import asyncio

import pytest

from appliance.commands import Verdict
from appliance.errors import SyncError
from appliance.run import ahead
from appliance.run.ahead import Ahead

BUSY = SyncError("it has no free connection", "wait", Verdict.BUSY)


class Place:
    """An upstream that lets in so many at a time."""

    def __init__(self, places: int) -> None:
        self.places = places
        self.served: list[str] = []

    def forget(self) -> None:
        """Who was let in is counted no more."""
        self.places += 1

    async def fetch(self, name: str) -> None:
        if not self.places:
            raise BUSY
        self.places -= 1
        try:
            await asyncio.sleep(0)
            self.served.append(name)
        finally:
            self.places += 1


@pytest.mark.parametrize("places", [1, 2])
def test_both_are_done_whatever_the_room(places: int) -> None:
    async def scene() -> list[str]:
        place = Place(places)
        async with Ahead(lambda: place.fetch("index")) as work:
            await asyncio.sleep(0)
            await work.beside(lambda: place.fetch("payload"))
            if not await work.done():
                await place.fetch("index")
        return sorted(place.served)

    assert asyncio.run(scene()) == ["index", "payload"]


def test_who_is_still_counted_is_let_in_a_moment_later() -> None:
    async def scene() -> list[str]:
        place = Place(1)

        async def slow_to_forget() -> None:
            place.places -= 1
            asyncio.get_running_loop().call_later(0.05, place.forget)

        async with Ahead(slow_to_forget) as work:
            await asyncio.sleep(0)
            await work.beside(lambda: place.fetch("payload"))
        return place.served

    assert asyncio.run(scene()) == ["payload"]


def test_where_nobody_is_let_in_it_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ahead, "PAUSES", (0.0,))

    async def scene() -> None:
        place = Place(0)
        async with Ahead(lambda: place.fetch("index")) as work:
            await asyncio.sleep(0)
            await work.beside(lambda: place.fetch("payload"))

    with pytest.raises(SyncError, match="no free connection"):
        asyncio.run(scene())


def test_it_ends_with_its_context() -> None:
    async def scene() -> bool:
        ended = asyncio.Event()

        async def endless() -> None:
            try:
                await asyncio.Event().wait()
            finally:
                ended.set()

        async with Ahead(endless):
            await asyncio.sleep(0)
        return ended.is_set()

    assert asyncio.run(scene())


def test_who_is_cancelled_while_it_ends_is_cancelled_behind_its_end() -> None:
    async def scene() -> tuple[bool, bool]:
        free, over, ending = asyncio.Event(), asyncio.Event(), asyncio.Event()

        async def stubborn() -> None:
            try:
                await asyncio.Event().wait()
            finally:
                ending.set()
                await free.wait()
                over.set()

        async def work() -> None:
            async with Ahead(stubborn):
                await asyncio.sleep(0)
                raise BUSY

        working = asyncio.create_task(work())
        await ending.wait()
        working.cancel()
        asyncio.get_running_loop().call_later(0.05, free.set)
        await asyncio.wait((working,))
        return working.cancelled(), over.is_set()

    assert asyncio.run(scene()) == (True, True)


def test_without_anything_to_do_it_is_never_done() -> None:
    async def scene() -> bool:
        async with Ahead(None) as work:
            return await work.done()

    assert not asyncio.run(scene())


def test_what_is_a_fault_of_ours_is_not_hidden() -> None:
    async def broken() -> None:
        raise ZeroDivisionError

    async def scene() -> None:
        async with Ahead(broken) as work:
            await work.done()

    with pytest.raises(ZeroDivisionError):
        asyncio.run(scene())
