from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from appliance import metrics, status
from appliance.commands import Verdict
from appliance.controller import Controller, new_request
from appliance.lanes import retry
from appliance.lanes.retry import Pace
from appliance.records import Request
from tests.unit.house import House, until
from tests.unit.upstream import DebianTree, daemon, tree

Answered = tuple[int | None, str | None]


@pytest.fixture
def origin(tmp_path: Path) -> DebianTree:
    archive = DebianTree(tmp_path / "origin")
    archive.release("2026112101", hello="one")
    return archive


@pytest.fixture
def house(tmp_path: Path, origin: DebianTree, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    with daemon(tmp_path, {"debian": origin.root}) as port:
        house = House(tmp_path / "house", port)
        house.record_ssh(monkeypatch)
        yield house
        house.store.close()


async def ask(controller: Controller, stage: str = "all", mhop: bool = False) -> Request:
    """Hand in one request and wait for its answer."""
    request = new_request("debian", stage, "ssh", "hub", mhop)
    controller.accept([request])
    async with asyncio.timeout(30):
        return await controller.lanes["debian"].answer(request.id)


def played(house: House, scene: Callable[[Controller], object]) -> None:
    """Open the house, play one scene in it, close it."""

    async def play() -> None:
        async with house.open() as controller:
            await scene(controller)  # type: ignore[misc]

    asyncio.run(play())


def carried(root: Path) -> dict[str, str]:
    """A tree without the traces each mirror writes for itself."""
    own = ("leaf", "_hierarchy", "_traces", "_hierarchy.mirror")
    return {path: text for path, text in tree(root).items() if path not in [f"project/trace/{name}" for name in own]}


def test_first_sync_and_an_update(house: House, origin: DebianTree) -> None:
    async def scene(controller: Controller) -> None:
        assert (await ask(controller)).code == 0
        assert carried(house.tree) == tree(origin.root)
        origin.release("2026112102", hello="a second one", world="one")
        assert (await ask(controller)).code == 0
        assert carried(house.tree) == tree(origin.root)
        state = house.store.archive("debian")
        assert (state.serial, state.publication, state.signed) == ("2026112102", 2, 0)

    played(house, scene)


def test_nothing_new_publishes_nothing(house: House) -> None:
    async def scene(controller: Controller) -> None:
        await ask(controller)
        before = (house.tree / "project/trace/leaf").stat().st_mtime_ns
        assert (await ask(controller)).code == 0
        last = house.store.last_run("debian")
        assert last
        assert last.result == "noop"
        assert house.store.archive("debian").publication == 1
        assert (house.tree / "project/trace/leaf").stat().st_mtime_ns == before

    played(house, scene)


def test_stage_1_brings_payload_and_no_index(house: House, origin: DebianTree) -> None:
    async def scene(controller: Controller) -> None:
        assert (await ask(controller, "stage1")).code == 0
        held = carried(house.tree)
        assert "pool/hello.deb" in held
        assert not [path for path in held if path.endswith(("InRelease", "Packages", "trace/master"))]
        assert (house.tree / "project/trace/leaf-stage1").exists()
        assert (await ask(controller, "stage2")).code == 0
        assert carried(house.tree) == tree(origin.root)
        assert not (house.tree / "project/trace/leaf-stage1").exists()

    played(house, scene)


def test_requests_during_a_run_become_exactly_one_more(house: House) -> None:
    async def scene(controller: Controller) -> None:
        first = asyncio.create_task(ask(controller))
        await until(lambda: controller.lanes["debian"].figures)
        others = await asyncio.gather(*(ask(controller, stage) for stage in ("all", "stage1", "stage2", "all")))
        assert [one.code for one in (await first, *others)] == [0] * 5
        assert house.store.count_runs("debian") == 2
        assert len({one.run for one in others}) == 1

    played(house, scene)


def test_stage_2_during_stage_1_is_done_after_it(house: House, origin: DebianTree) -> None:
    async def scene(controller: Controller) -> None:
        first = asyncio.create_task(ask(controller, "stage1"))
        await until(lambda: controller.lanes["debian"].figures)
        assert (await ask(controller, "stage2")).code == 0
        assert (await first).code == 0
        assert carried(house.tree) == tree(origin.root)

    played(house, scene)


def test_a_broken_index_is_refused_and_nothing_changes_for_readers(house: House, origin: DebianTree) -> None:
    async def scene(controller: Controller) -> None:
        await ask(controller)
        before = {path: text for path, text in tree(house.tree).items() if not path.startswith("pool/")}
        origin.release("2026112102", hello="a second one")
        origin.write("dists/s/main/binary-all/Packages", b"Package: evil\n")
        answer = await ask(controller)
        assert answer.code == 4
        assert "Packages: expected" in str(answer.answer)
        after = {path: text for path, text in tree(house.tree).items() if not path.startswith("pool/")}
        fresh = {path for path in after.keys() - before.keys() if "by-hash" not in path}
        assert not fresh
        assert {path: after[path] for path in before} == before
        origin.release("2026112103", hello="the third one")
        assert (await ask(controller)).code == 0
        assert carried(house.tree).keys() >= tree(origin.root).keys()

    played(house, scene)


def test_an_upstream_that_is_gone_is_tried_again(house: House, origin: DebianTree, tmp_path: Path) -> None:
    origin.root.rename(tmp_path / "away")

    async def scene(controller: Controller) -> None:
        answer = await ask(controller)
        assert answer.code == 3
        assert answer.answer
        waiting = house.store.open_requests("debian")
        assert [one.source for one in waiting] == ["retry"]
        (tmp_path / "away").rename(origin.root)
        assert (await ask(controller)).code == 0
        assert house.store.open_requests("debian") == []

    played(house, scene)


def test_a_request_left_by_a_dead_controller_is_served(house: House, origin: DebianTree) -> None:
    request = new_request("debian", "all", "ssh", "hub")
    house.store.add([request])
    house.store.begin("debian", "sync", "ssh", [request], 0)

    async def scene(controller: Controller) -> None:
        async with asyncio.timeout(30):
            assert (await controller.lanes["debian"].answer(request.id)).code == 0
        assert carried(house.tree) == tree(origin.root)

    played(house, scene)


class Crash(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("renames", range(5))
def test_a_publication_cut_short_is_finished_at_the_next_start(
    house: House, origin: DebianTree, renames: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace, left, crashed = os.replace, [renames], threading.Event()

    def crash(new: Path, old: Path) -> None:
        if "/index/" in str(new):
            if not left[0]:
                crashed.set()
                raise Crash
            left[0] -= 1
        replace(new, old)

    monkeypatch.setattr(os, "replace", crash)

    request = new_request("debian", "all", "ssh", "hub")
    house.store.add([request])
    with suppress(BaseExceptionGroup):
        played(house, lambda controller: until(crashed.is_set))
    monkeypatch.undo()
    assert house.store.archive("debian").publishing
    house.places.door.unlink(missing_ok=True)

    async def scene(controller: Controller) -> None:
        async with asyncio.timeout(30):
            await controller.lanes["debian"].answer(request.id)
        assert carried(house.tree) == tree(origin.root)
        assert house.store.archive("debian").publishing is None

    played(house, scene)


def test_an_emptied_upstream_deletes_nothing(house: House, origin: DebianTree) -> None:
    house.extra["MIRROR_ARCHIVES__DEBIAN__GRACE"] = "0"

    async def scene(controller: Controller) -> None:
        await ask(controller)
        before = tree(house.tree)
        for path in sorted(origin.root.rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
        assert (await ask(controller)).code == 0
        assert tree(house.tree) == before
        assert "nothing is deleted" in house.store.archive("debian").note

    played(house, scene)


def test_a_file_gone_upstream_goes_after_its_grace_time(house: House, origin: DebianTree) -> None:
    async def scene(controller: Controller) -> None:
        origin.write("pool/old.deb", b"old")
        await ask(controller)
        (origin.root / "pool/old.deb").unlink()
        await ask(controller)
        assert (house.tree / "pool/old.deb").exists()
        house.store.spare("debian", ["pool/old.deb"])
        house.store.doom("debian", ["pool/old.deb"], 1)
        await ask(controller)
        assert not (house.tree / "pool/old.deb").exists()

    played(house, scene)


def test_a_clock_that_is_set_forward_ends_no_grace_time(
    house: House, origin: DebianTree, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scene(controller: Controller) -> None:
        origin.write("pool/old.deb", b"old")
        await ask(controller)
        (origin.root / "pool/old.deb").unlink()
        await ask(controller)
        real = time.time
        monkeypatch.setattr(time, "time", lambda: real() + 2 * 86400)
        await ask(controller)
        assert (house.tree / "pool/old.deb").exists()

    played(house, scene)


def test_a_suite_that_becomes_a_link_keeps_what_it_points_to(house: House, origin: DebianTree) -> None:
    house.extra["MIRROR_ARCHIVES__DEBIAN__GRACE"] = "0"

    async def scene(controller: Controller) -> None:
        shutil.copytree(origin.root / "dists/s", origin.root / "dists/stable")
        await ask(controller)
        shutil.rmtree(origin.root / "dists/stable")
        (origin.root / "dists/stable").symlink_to("s")
        origin.release("2026112102", hello="a second one")
        assert (await ask(controller)).code == 0
        assert carried(house.tree) == tree(origin.root)

    played(house, scene)


def test_payload_alone_is_news_too(house: House, origin: DebianTree) -> None:
    house.extra["MIRROR_ARCHIVES__DEBIAN__PROFILE"] = "generic"
    shutil.rmtree(origin.root / "project")

    async def scene(controller: Controller) -> None:
        await ask(controller)
        assert house.store.archive("debian").publication == 1
        origin.write("pool/new.iso", b"new")
        assert (await ask(controller, "stage1")).code == 0
        assert house.store.archive("debian").publication == 1
        assert (await ask(controller, "stage2")).code == 0
        assert house.store.archive("debian").publication == 2
        assert not (house.tree / "project/trace/leaf-stage1").exists()

    played(house, scene)


def test_the_guard_counts_what_is_newly_gone_and_can_be_told_to_yield(house: House, origin: DebianTree) -> None:
    house.extra["MIRROR_ARCHIVES__DEBIAN__GRACE"] = "0"

    async def scene(controller: Controller) -> None:
        for number in range(40):
            origin.write(f"pool/old-{number}.deb", b"old")
        await ask(controller)
        for number in range(40):
            (origin.root / f"pool/old-{number}.deb").unlink()
        await ask(controller)
        assert "--allow-deletes" in house.store.archive("debian").note
        assert (house.tree / "pool/old-0.deb").exists()
        allowed = replace(new_request("debian", "all", "cli", "mirrorctl"), allow_deletes=True)
        controller.accept([allowed])
        await controller.lanes["debian"].answer(allowed.id)
        assert not (house.tree / "pool/old-0.deb").exists()
        assert house.store.archive("debian").note == ""

    played(house, scene)


def test_a_thousand_failures_are_no_reason_to_stop(house: House, origin: DebianTree, tmp_path: Path) -> None:
    origin.root.rename(tmp_path / "away")

    async def scene(controller: Controller) -> None:
        house.store._db.execute("insert into archive (name, failures) values ('debian', 5000)")
        assert (await ask(controller)).code == 3
        (retry,) = house.store.open_requests("debian")
        assert retry.due - time.time() <= 900 * 1.2

    played(house, scene)


def test_a_waiting_retry_does_not_make_a_stage_1_publish(house: House) -> None:
    async def scene(controller: Controller) -> None:
        controller.accept([new_request("debian", "all", "retry", "ourselves", due=time.time() + 800)])
        assert (await ask(controller, "stage1")).code == 0
        assert not (house.tree / "dists/s/InRelease").exists()
        assert len(house.store.open_requests("debian")) == 1

    played(house, scene)


def test_a_store_that_cannot_be_written_stops_nothing_else(
    house: House, origin: DebianTree, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin, full = house.store.begin, [True]

    def refuse(*facts: Any) -> int:
        if full:
            full.clear()
            raise sqlite3.OperationalError("database or disk is full")
        return begin(*facts)

    monkeypatch.setattr(house.store, "begin", refuse)
    monkeypatch.setattr("appliance.lanes.lane.STORE_PAUSE", 0.05)

    async def scene(controller: Controller) -> None:
        assert (await ask(controller)).code == 0
        assert carried(house.tree) == tree(origin.root)

    played(house, scene)


def test_a_store_that_is_full_in_the_middle_of_a_run_has_it_tried_again(
    house: House, origin: DebianTree, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It took the request, and takes the end of the run: the trigger must not get lost between them."""
    monkeypatch.setitem(retry.PACES, Verdict.LOCAL, Pace(0.05, 0.05))
    limit = "create trigger full before insert on doomed begin select raise(abort, 'database or disk is full'); end"

    async def scene(controller: Controller) -> None:
        origin.write("pool/old.deb", b"old")
        assert (await ask(controller)).code == 0
        (origin.root / "pool/old.deb").unlink()
        with sqlite3.connect(house.places.store) as db:
            db.execute(limit)
        assert "disk is full" in str((await ask(controller)).answer)
        run = house.store.last_run("debian")
        assert run
        assert (run.result, run.cause) == ("error", "local")
        with sqlite3.connect(house.places.store) as db:
            db.execute("drop trigger full")
        await until(lambda: house.store.doomed("debian") == {"pool/old.deb"})

    played(house, scene)


def test_an_origin_publishes_a_higher_serial_each_time(tmp_path: Path) -> None:
    house = House(tmp_path / "house")

    async def scene(controller: Controller) -> None:
        assert (await ask(controller)).code == 0
        first = house.store.archive("debian").serial
        assert (await ask(controller)).code == 0
        second = house.store.archive("debian").serial
        assert first
        assert second
        assert int(second) == int(first) + 1
        assert (house.tree / "project/trace/master").resolve().name == "leaf"

    played(house, scene)
    house.store.close()


def test_a_request_for_an_archive_that_is_gone_from_the_settings(house: House) -> None:
    async def scene(controller: Controller) -> None:
        controller.accept([new_request("other", "all", "ssh", "hub")])
        assert house.store.open_requests("other") == []

    played(house, scene)


def test_what_failed_says_why_and_when_it_is_tried_again(tmp_path: Path) -> None:
    house = House(tmp_path / "house", 9)  # discard: nobody listens

    async def scene(controller: Controller) -> None:
        assert (await ask(controller)).code == 3
        await until(lambda: house.store.open_requests("debian"))
        shown = status.picture(controller)["archives"]["debian"]
        assert (shown["state"], shown["cause"]) == ("failing", "network")
        assert 12 <= shown["next_try_at"] - shown["last_run"]["ended_at"] <= 18
        house.store.add([new_request("debian", "stage1", "retry", "ourselves", due=shown["next_try_at"] + 60)])
        told = metrics.text(controller).decode()
        assert 'mirror_archive_trouble{archive="debian",cause="network"} 1.0' in told
        name = 'mirror_archive_next_try_timestamp_seconds{archive="debian"} '
        assert [float(line.removeprefix(name)) for line in told.splitlines() if line.startswith(name)] == [
            shown["next_try_at"]
        ]

    played(house, scene)
    house.store.close()


def test_a_clock_that_goes_back_delays_nothing(house: House) -> None:
    """What was received in the future, as a restart may find it."""
    later = time.time() + 3600
    tomorrow = replace(new_request("debian", "all", "ssh", "hub"), received=later, due=later)

    async def scene(controller: Controller) -> None:
        controller.accept([tomorrow])
        async with asyncio.timeout(30):
            assert (await controller.lanes["debian"].answer(tomorrow.id)).code == 0

    played(house, scene)


def test_a_run_that_the_store_lost_sight_of_is_ended_by_the_next(house: House) -> None:
    lost = house.store.begin("debian", "sync", "ssh", [], 1)

    async def scene(controller: Controller) -> None:
        house.store.begin("debian", "sync", "ssh", [], 2)
        assert (await ask(controller)).code == 0

    played(house, scene)
    assert [one and one.error for one in map(house.store.run, (lost, lost + 1))] == ["interrupted"] * 2
