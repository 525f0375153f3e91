from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.controller import Controller
from appliance.doors import schedule
from appliance.settings.archive import Archive
from tests.unit.house import House, until
from tests.unit.upstream import DebianTree, daemon


@pytest.fixture
def origin(tmp_path: Path) -> DebianTree:
    origin = DebianTree(tmp_path / "origin")
    origin.release("2026112101", hello="one")
    return origin


@pytest.fixture
def house(tmp_path: Path, origin: DebianTree) -> Iterator[House]:
    with daemon(tmp_path, {"debian": origin.root}) as port:
        house = House(tmp_path / "house", port)
        yield house
        house.store.close()


def kept(house: House, scene: Callable[[Controller], Awaitable[None]]) -> None:
    """Keep the schedule while a scene is played."""

    async def play() -> None:
        async with house.open() as controller:
            keeping = asyncio.create_task(schedule.keep(controller))
            await scene(controller)
            keeping.cancel()
            with suppress(asyncio.CancelledError):
                await keeping

    asyncio.run(play())


def test_a_store_that_cannot_be_written_ends_no_schedule(
    house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "push-mirror")
    monkeypatch.setattr(schedule, "VOLUME_PAUSE", 0.05)
    limit = "create trigger full before insert on request begin select raise(abort, 'database or disk is full'); end"
    with sqlite3.connect(house.places.store) as db:
        db.execute(limit)

    async def scene(controller: Controller) -> None:
        await until(lambda: "a scheduled sync waits for the store" in caplog.messages)
        with sqlite3.connect(house.places.store) as db:
            db.execute("drop trigger full")
        await until(lambda: house.store.archive("debian").serial)

    kept(house, scene)


def test_an_archive_that_has_nothing_is_synced_at_start(house: House) -> None:
    async def scene(controller: Controller) -> None:
        await until(lambda: house.store.archive("debian").serial == "2026112101")

    kept(house, scene)


def test_a_pull_mirror_syncs_by_its_interval(house: House) -> None:
    house.extra["MIRROR_ARCHIVES__DEBIAN__SCHEDULE"] = "1s"

    async def scene(controller: Controller) -> None:
        await until(lambda: house.store.count_runs("debian") >= 3)

    kept(house, scene)


def test_a_cron_time_that_passed_while_we_were_away_is_served_at_the_start(house: House) -> None:
    half_a_year_from_now = (time.gmtime().tm_mon + 5) % 12 + 1
    house.extra["MIRROR_ARCHIVES__DEBIAN__SCHEDULE"] = f"0 0 1 {half_a_year_from_now} *"
    long_ago = time.time() - 400 * 86400
    house.store.end(house.store.begin("debian", "sync", "schedule", [], long_ago), "noop", long_ago + 1)
    house.store.publishing("debian", 1)
    house.store.published("debian", "2026112101", long_ago)

    async def scene(controller: Controller) -> None:
        await until(lambda: (last := house.store.last_run("debian")) and last.id == 2 and last.ended)
        await asyncio.sleep(0.2)
        assert house.store.count_runs("debian") == 2, "it was served, once"

    kept(house, scene)


@pytest.mark.parametrize("schedule_", ["0 3 * * *", "2h"])
def test_a_clock_that_is_set_forward_is_followed(house: House, monkeypatch: pytest.MonkeyPatch, schedule_: str) -> None:
    """Or a machine that slept: its monotonic clock has slept with it."""
    house.extra["MIRROR_ARCHIVES__DEBIAN__SCHEDULE"] = schedule_
    monkeypatch.setattr(schedule, "LOOKS", 0.05)

    async def scene(controller: Controller) -> None:
        await until(lambda: house.store.archive("debian").publication)
        runs = house.store.count_runs("debian")
        real = time.time
        monkeypatch.setattr(time, "time", lambda: real() + 86400)
        await until(lambda: house.store.count_runs("debian") > runs)

    kept(house, scene)


def test_the_safety_poll_runs_only_for_a_new_serial(house: House, origin: DebianTree) -> None:
    house.extra["MIRROR_ARCHIVES__DEBIAN__POLL"] = "1s"

    async def scene(controller: Controller) -> None:
        await until(lambda: house.store.archive("debian").serial == "2026112101")
        await until(lambda: not house.store.open_requests("debian"))  # its run ends behind the publication
        for _ in range(2):
            await schedule._look(controller, "debian")
        assert house.store.open_requests("debian") == []
        assert house.store.count_runs("debian") == 1
        origin.release("2026112102", hello="a second one")
        await until(lambda: house.store.archive("debian").serial == "2026112102")

    kept(house, scene)


def test_a_poll_that_fails_is_no_run(house: House, origin: DebianTree, tmp_path: Path) -> None:
    async def scene(controller: Controller) -> None:
        await until(lambda: house.store.archive("debian").publication)
        await until(lambda: not house.store.open_requests("debian"))
        origin.root.rename(tmp_path / "away")
        await schedule._look(controller, "debian")
        assert house.store.open_requests("debian") == []

    kept(house, scene)


def test_an_origin_is_not_polled(tmp_path: Path) -> None:
    house = House(tmp_path / "origin-house")
    kept(house, lambda controller: asyncio.sleep(0.1))
    assert house.store.count_runs("debian") == 0
    house.store.close()


NOON = datetime.fromisoformat("2026-11-21T12:00:30+00:00").timestamp()


@pytest.mark.parametrize(
    ("text", "zone", "due"),
    [
        ("2h", "UTC", "2026-11-21T13:00:30+00:00"),
        ("90s", "UTC", "2026-11-21T12:00:30+00:00"),
        ("1 */2 * * *", "UTC", "2026-11-21T12:01:00+00:00"),
        ("30 11 * * *", "UTC", "2026-11-21T12:00:30+00:00"),
        ("0 11 * * *", "UTC", "2026-11-22T11:00:00+00:00"),
        ("0 3 * * *", "UTC", "2026-11-22T03:00:00+00:00"),
        ("0 3 * * *", "Asia/Tokyo", "2026-11-22T03:00:00+09:00"),
    ],
)
def test_next_time(text: str, zone: str, due: str) -> None:
    archive = Archive(schedule=text, timezone=zone)
    hour_ago = NOON - 3600
    assert schedule.next_time(archive, hour_ago, NOON) == datetime.fromisoformat(due).timestamp()


def test_a_run_in_the_future_was_before_the_clock_was_set_back() -> None:
    assert schedule.next_time(Archive(schedule="2h"), NOON + 5 * 86400, NOON) == NOON + 7200


@given(st.integers(0, 59), st.integers(0, 23), st.floats(1.7e9, 2e9))
def test_a_cron_time_that_was_served_is_over(minute: int, hour: int, now: float) -> None:
    due = schedule.next_time(Archive(schedule=f"{minute} {hour} * * *", timezone="Europe/Paris"), now, now)
    assert now < due <= now + 26 * 3600
