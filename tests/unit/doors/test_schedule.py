from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path

from appliance.doors import schedule
from tests.unit.house import House, until
from tests.unit.upstream import DebianTree, daemon


def keep(house: House, runs: int) -> None:
    """Keep the schedule until the archive has had so many runs."""

    async def play() -> None:
        async with house.open() as controller:
            keeping = asyncio.create_task(schedule.keep(controller))
            await until(lambda: house.store.count_runs("debian") >= runs)
            keeping.cancel()
            with suppress(asyncio.CancelledError):
                await keeping

    asyncio.run(play())
    house.store.close()


def test_an_archive_that_has_nothing_is_synced_at_start_and_then_polled(tmp_path: Path) -> None:
    origin = DebianTree(tmp_path / "origin")
    origin.release()
    with daemon(tmp_path, {"debian": origin.root}) as port:
        house = House(tmp_path / "house", port)
        house.extra["MIRROR_ARCHIVES__DEBIAN__POLL"] = "1s"
        keep(house, 2)


def test_an_origin_is_not_polled(tmp_path: Path) -> None:
    house = House(tmp_path / "house")

    async def play() -> None:
        async with house.open() as controller:
            keeping = asyncio.create_task(schedule.keep(controller))
            await asyncio.sleep(0)
            assert house.store.open_requests("debian") == []
            keeping.cancel()

    asyncio.run(play())
    house.store.close()
