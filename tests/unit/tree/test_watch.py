from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance import status
from appliance.records import Sighting
from appliance.tree.freshness import HOUR
from tests.unit.house import House, until


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    house = House(tmp_path, downstreams="told=ssh://told mute=ssh://mute")
    house.record_ssh(monkeypatch)
    yield house
    house.store.close()


def seen(controller: object) -> dict[str, Sighting]:
    return {one.mirror: one for one in controller.watch.sightings("debian")}  # type: ignore[attr-defined]


def test_ourselves_and_those_below_who_say_what_they_carry(house: House) -> None:
    house.answer("told", "echo serial 2026112101")
    house.store.published("debian", "2026112101", time.time() - 2 * 24 * HOUR)
    house.store.published("debian", "2026112201", time.time() - 9 * HOUR)

    async def play() -> None:
        async with house.open() as controller:
            await until(lambda: seen(controller)["told"].serial)
            assert [one.mirror for one in controller.watch.sightings()] == ["leaf", "mute", "told"]
            ours, told, mute = (seen(controller)[name] for name in ("leaf", "told", "mute"))
            assert (ours.source, ours.serial, ours.fresh, ours.missed) == ("self", "2026112201", "fresh", 0)
            assert (told.source, told.parent, told.fresh, told.missed) == ("downstream", "leaf", "stale", 1)
            assert told.lag == pytest.approx(9 * HOUR, abs=60)
            assert (mute.serial, mute.fresh, mute.missed) == (None, "unknown", None)
            shown = status.picture(controller)["mirrors"]
            assert [one["mirror"] for one in shown] == ["leaf", "mute", "told"]
            assert shown[0]["serial"] == "2026112201"

    asyncio.run(play())
