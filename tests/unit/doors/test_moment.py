"""What costs tens of milliseconds to be told is told of again as it is, to whoever asks all the time."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest

from appliance.bell import Bell
from appliance.controller import Controller
from appliance.doors import http
from appliance.doors.moment import Moment
from appliance.records import Sighting
from appliance.tree.watch import Watch
from tests.browser.scenes import SCENES
from tests.unit.house import House
from tests.unit.scenery import asked


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path / "house")
    yield house
    house.store.close()


def test_it_is_made_once_as_long_as_nothing_changes() -> None:
    bell, numbers = Bell(), count(1)
    moment: Moment[str, int] = Moment(bell, lambda _: next(numbers), still=60)
    assert [moment.of(key) for key in "aab"] == [1, 1, 2]
    bell.ring()
    assert [moment.of(key) for key in "aab"] == [3, 3, 4]


def test_it_is_good_for_so_long_and_no_longer() -> None:
    numbers = count(1)
    moment: Moment[str, int] = Moment(Bell(), lambda _: next(numbers), still=0)
    assert [moment.of(key) for key in "aa"] == [1, 2]


def test_what_a_reload_brings_is_told_at_once(house: House) -> None:
    async def scene() -> None:
        controller = Controller(house.settings(), house.places, house.store)
        transport = httpx.ASGITransport(http.application(controller, list))
        async with httpx.AsyncClient(transport=transport, base_url="http://mirror") as client:
            assert not (await client.get("/api/v1/status")).json()["downstreams"]
            house.downstreams = "leaf=ssh://leaf"
            controller.reload(house.settings())
            assert "leaf" in (await client.get("/api/v1/status")).json()["downstreams"]

    asyncio.run(scene())


@pytest.mark.parametrize("path", ["/metrics", "/api/v1/status", "/api/v1/mirrors", "/api/v1/report"])
def test_a_flood_of_questions_is_not_one_of_looks_at_every_mirror(
    house: House, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[object] = []
    look = Watch.sightings

    def looked(*of: Any) -> tuple[Sighting, ...]:
        looks.append(of)
        return look(*of)

    monkeypatch.setattr(Watch, "sightings", looked)
    answers = asked(house, SCENES["two"], *[path] * 40)
    assert {answer.status_code for answer in answers} == {200}
    assert len(looks) < 20


def test_who_asks_for_archives_has_nobody_look_at_mirrors(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Watch, "sightings", None)
    paths = ("/api/v1/archives", "/api/v1/archives/debian", "/mirrors/tunasync.json", "/mirrors/mirrorz.json")
    assert {answer.status_code for answer in asked(house, SCENES["two"], *paths)} == {200}
