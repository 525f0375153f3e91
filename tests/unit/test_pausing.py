"""An archive that rests: what is asked of it is kept, and nothing is done."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from appliance import metrics, status
from appliance.controller import new_request
from appliance.errors import ApplianceError
from tests.unit.house import House, until


def test_requests_wait_also_over_a_restart_and_are_served_then(tmp_path: Path) -> None:
    house = House(tmp_path)
    request = new_request("debian", "all", "ssh", "hub")

    async def before() -> None:
        async with house.open() as controller:
            assert controller.pause("debian")
            assert not controller.pause("debian")
            controller.accept([request])
            await asyncio.sleep(0)

    async def after() -> None:
        async with house.open() as controller:
            seen = status.picture(controller)["archives"]["debian"]
            assert (seen["state"], seen["pending"], seen["runs"]) == ("paused", 1, 0)
            assert "mirrorctl resume debian" in seen["notes"][0]
            assert 'mirror_archive_paused{archive="debian"} 1.0' in metrics.text(controller).decode()
            assert status.request(controller, request)["paused"]
            # Another one wakes its lane, which must go on resting.
            controller.accept([new_request("debian", "all", "ssh", "hub")])
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(controller.lanes["debian"].answer(request.id), 0.3)
            assert house.store.count_runs("debian") == 0
            assert controller.resume("debian")
            await until(lambda: house.store.count_runs("debian") == 1)
            assert (await controller.lanes["debian"].answer(request.id)).code == 0
            assert status.picture(controller)["archives"]["debian"]["paused_at"] is None
            assert 'mirror_archive_paused{archive="debian"} 0.0' in metrics.text(controller).decode()
            assert not controller.resume("debian")

    asyncio.run(before())
    asyncio.run(after())


def test_what_is_not_there_is_not_paused(tmp_path: Path) -> None:
    async def scene() -> None:
        async with House(tmp_path).open() as controller:
            with pytest.raises(ApplianceError, match="no archive 'debain'"):
                controller.pause("debain")

    asyncio.run(scene())
