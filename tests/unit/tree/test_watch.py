from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from appliance import report, status
from appliance.controller import Controller, new_request
from appliance.records import Sighting
from appliance.settings import load
from appliance.store import Store
from appliance.store.timings import PROPAGATION
from appliance.tree.freshness import HOUR
from appliance.tree.lists import listed
from appliance.tree.place import places
from tests.unit.house import House, until
from tests.unit.tree.www import Www, www


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    """An origin with an index, above nobody yet."""
    house = House(tmp_path / "house")
    house.record_ssh(monkeypatch)
    (house.tree / "dists/s").mkdir(parents=True)
    yield house
    house.store.close()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Www]:
    (tmp_path / "www").mkdir()
    with www(tmp_path / "www") as server:
        yield server


def seen(controller: Controller) -> dict[str, Sighting]:
    return {one.mirror: one for one in controller.watch.sightings("debian")}


def given(controller: Controller) -> list[str]:
    """Those that users may be sent to now."""
    found = places("debian", controller.watch.sightings("debian"), controller.settings.registry)
    return [one.name for one in listed(found)]


def copy(source: Path, target: Path) -> None:
    """As somebody does who fetches by rsync, quick check and all."""
    target.mkdir(parents=True, exist_ok=True)
    subprocess.run(["rsync", "-a", "--checksum", f"{source}/", f"{target}/"], check=True)


async def publish(house: House, controller: Controller) -> str:
    """A publication with another index; returns its serial."""
    before = house.store.archive("debian")
    (house.tree / "dists/s/InRelease").write_text(f"the index of {before.publication}")
    controller.accept([new_request("debian", "all", "cli", "test")])
    await until(lambda: house.store.archive("debian").publication > before.publication)
    return str(house.store.archive("debian").serial)


def registry(server: Www, *names: str) -> dict[str, str]:
    return {"MIRROR_REGISTRY": "".join(f'["{name}"]\nurls = ["{server.url}/{name}/*/"]\n' for name in names)}


def test_ourselves_and_those_below_who_say_what_they_carry(house: House) -> None:
    house.downstreams = "told=ssh://told mute=ssh://mute"
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


def test_a_sweep_through_mirrors_with_nothing_but_files(house: House, server: Www, tmp_path: Path) -> None:
    """Each is seen where it is, whatever it says of itself, within seconds of its change."""
    house.extra = registry(server, "copy", "trace", "dead")
    plain, trace = (tmp_path / "www" / name / "debian" for name in ("copy", "trace"))

    async def play() -> None:
        async with house.open() as controller:
            first = await publish(house, controller)
            for mirror in (plain, trace):
                copy(house.tree, mirror)
            await until(lambda: all(seen(controller)[name].consistent for name in ("copy", "trace")))
            assert {seen(controller)[name].serial for name in ("copy", "trace")} == {first}
            assert seen(controller)["copy"].parent == "leaf"
            second = await publish(house, controller)
            copy(house.tree / "project", trace / "project")
            await until(lambda: seen(controller)["trace"].consistent is False)
            one = seen(controller)["trace"]
            assert (one.serial, one.missed, one.fresh) == (first, 1, "fresh")
            assert seen(controller)["copy"].missed == 1
            copy(house.tree, plain)
            await until(lambda: seen(controller)["copy"].serial == second)
            assert (seen(controller)["copy"].consistent, seen(controller)["copy"].missed) == (True, 0)
            took = time.time() - (house.store.archive("debian").published or 0)
            await until(lambda: house.store.timings(PROPAGATION))
            (arrival,) = house.store.timings(PROPAGATION)
            assert (arrival.subject, arrival.word, sum(arrival.counts)) == ("copy", "1", 1)
            assert 0 < arrival.seconds <= took
            await until(lambda: seen(controller)["dead"].error)
            assert given(controller) == ["copy", "trace"]

    asyncio.run(play())


def test_reports_and_traces_reveal_the_tree(house: House, server: Www, tmp_path: Path) -> None:
    """A mirror that an appliance below us tells of, and one between it and a third, which only traces tell of."""
    house.extra = registry(server, "low")
    low = tmp_path / "www" / "low" / "debian"
    told = {"mirror": "deep", "archive": "debian", "parent": "low.example.org", "carries": "1"}

    async def play() -> None:
        async with house.open() as controller:
            serial = await publish(house, controller)
            copy(house.tree, low)
            trace = low / "project/trace"
            trace.joinpath("between").write_text(f"x\nArchive serial: {serial}\nUpstream-mirror: leaf\n")
            trace.joinpath("_hierarchy").write_text("leaf leaf a leaf\nbetween between b leaf\nlow low c between\n")
            await until(lambda: "between" in seen(controller))
            text = json.dumps({"name": "low.example.org", "archives": {}, "downstreams": [told | {"carries": serial}]})
            server.say("/api/v1/report", text)
            await publish(house, controller)
            await until(lambda: "deep" in seen(controller))
            found = seen(controller)
            assert {name: (one.source, one.parent) for name, one in found.items()} == {
                "leaf": ("self", None), "between": ("trace", "leaf"), "low": ("registered", "between"),
                "deep": ("report", "low"),
            }  # fmt: skip
            assert (found["deep"].missed, found["between"].missed, found["deep"].listed) == (1, 1, False)
            names = [one["mirror"] for one in report.picture(controller)["downstreams"]]
            assert sorted(names) == ["between", "deep", "low"]

    asyncio.run(play())


def test_what_was_seen_is_known_in_the_next_life(house: House, server: Www, tmp_path: Path) -> None:
    house.extra = registry(server, "copy", "dead")

    def kept() -> set[tuple[str, str | None]]:
        return {(one.mirror, one.serial) for one in house.store.sightings()}

    async def play(then: Callable[[Controller], object]) -> None:
        async with house.open() as controller:
            then(controller)
            serial = await publish(house, controller)
            copy(house.tree, tmp_path / "www/copy/debian")
            (tmp_path / "www/copy/debian/project/trace/_hierarchy").write_text("up up u up\n")
            await until(lambda: seen(controller)["copy"].serial == serial and "up" in seen(controller))
            await until(lambda: ("copy", serial) in kept() and "up" in dict(kept()))

    asyncio.run(play(lambda _: None))
    known = {one.mirror: one for one in house.store.sightings()}
    house.store.close()
    house.store = Store(house.places.store)

    def same(controller: Controller) -> None:
        for name in ("copy", "up"):
            assert seen(controller)[name].serial == known[name].serial
            assert seen(controller)[name].changed_at == known[name].changed_at

    asyncio.run(play(same))
    house.store.keep_sightings([replace(known["copy"], mirror="gone", source="registered")])
    with closing(sqlite3.connect(house.places.store)) as db:
        db.execute("insert into sighting values ('odd', 'debian', '{\"other\": 1}')")
        db.commit()
    controller = Controller(load(house.environ), house.places, house.store)
    assert "gone" not in seen(controller)
    assert "odd" not in seen(controller)


def test_two_hundred_mirrors_soon_and_the_dead_delay_nobody(house: House, server: Www, tmp_path: Path) -> None:
    names = [f"m{n}" for n in range(190)]
    dead = "".join(f'["d{n}"]\nurls = ["http://192.0.2.{n + 1}/*/"]\n' for n in range(10))
    house.extra = {"MIRROR_REGISTRY": registry(server, *names)["MIRROR_REGISTRY"] + dead}

    async def play() -> None:
        async with house.open() as controller:
            serial = await publish(house, controller)
            copy(house.tree, tmp_path / "www" / "m0" / "debian")
            for name in names[1:]:
                os.symlink("m0", tmp_path / "www" / name)
            async with asyncio.timeout(120):
                while len([one for one in seen(controller).values() if one.serial == serial]) <= len(names):
                    await asyncio.sleep(0.2)
            assert len(given(controller)) == 190

    asyncio.run(play())


def test_who_is_not_there_yet_is_asked_for_its_report_when_it_is(house: House, server: Www, tmp_path: Path) -> None:
    house.extra = registry(server, "low")
    server.fail("/api/v1/report", 503)

    async def play() -> None:
        async with house.open() as controller:
            await until(lambda: server.asked.count("/api/v1/report") > 1)
            told = {"mirror": "deep", "archive": "debian", "carries": "1"}
            server.say("/api/v1/report", json.dumps({"name": "low", "downstreams": [told]}))
            await until(lambda: "deep" in seen(controller))

    asyncio.run(play())


def test_a_downstream_is_seen_where_it_says_that_it_is_and_tells_of_those_below(
    house: House, server: Www, tmp_path: Path
) -> None:
    """Nobody has configured where. What it says may be of no use, and then it is as if it had said nothing."""
    house.downstreams = "low=ssh://localhost lost=ssh://127.0.0.1"
    house.answer("localhost", f"echo serial 2099010101 {server.url}/low/debian")
    house.answer("127.0.0.1", "echo serial 2099010101 http://127.0.0.1:9/debian")
    told = {"mirror": "deep", "archive": "debian", "carries": "1"}
    server.say("/api/v1/report", json.dumps({"name": "low.example.org", "downstreams": [told]}))

    async def play() -> None:
        async with house.open() as controller:
            await until(lambda: seen(controller)["lost"].serial is None)
            serial = await publish(house, controller)
            copy(house.tree, tmp_path / "www/low/debian")
            await until(lambda: seen(controller)["low"].consistent and "deep" in seen(controller))
            await until(lambda: seen(controller)["lost"].serial)
            low, lost, deep = (seen(controller)[name] for name in ("low", "lost", "deep"))
            assert (low.serial, low.url, low.listed) == (serial, f"{server.url}/low/debian", False)
            assert (deep.source, deep.parent) == ("report", None)
            assert (lost.serial, lost.url, lost.error) == ("2099010101", None, "")
            house.answer("localhost", "echo serial 2099010101")
            await publish(house, controller)
            await until(lambda: seen(controller)["low"].url is None)

    asyncio.run(play())


def test_who_goes_back_while_all_are_well_is_seen_by_its_report(house: House, server: Www, tmp_path: Path) -> None:
    house.extra = registry(server, "low")
    low, before = tmp_path / "www/low/debian", tmp_path / "before"

    def reports(serial: str) -> None:
        told = {"name": "low", "archives": {"debian": {"serial": serial}}, "downstreams": []}
        server.say("/api/v1/report", json.dumps(told))

    async def play() -> None:
        async with house.open() as controller:
            first = await publish(house, controller)
            copy(house.tree, before)
            second = await publish(house, controller)
            copy(house.tree, low)
            reports(second)
            await until(lambda: (seen(controller)["low"].serial, seen(controller)["low"].consistent) == (second, True))
            await until(lambda: server.asked.count("/api/v1/report") > 2)
            copy(before, low)
            reports(first)
            await until(lambda: seen(controller)["low"].serial == first)

    asyncio.run(play())
