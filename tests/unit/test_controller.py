"""What arrives here, in which order, and what readers see of it: whole changes through a whole appliance."""

from __future__ import annotations

import asyncio
import os
import shutil
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest

from appliance.controller import Controller, new_request
from appliance.sync import trace
from tests.unit.house import House, ask, played, until
from tests.unit.upstream import DebianTree, tree


def test_first_sync_and_an_update(house: House, origin: DebianTree) -> None:
    async def scene(controller: Controller) -> None:
        assert (await ask(controller)).code == 0
        assert house.carried == tree(origin.root)
        origin.release("2026112102", hello="a second one", world="one")
        assert (await ask(controller)).code == 0
        assert house.carried == tree(origin.root)
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
        held = house.carried
        assert "pool/hello.deb" in held
        assert not [path for path in held if path.endswith(("InRelease", "Packages", "trace/master"))]
        assert (house.tree / "project/trace/leaf-stage1").exists()
        assert (await ask(controller, "stage2")).code == 0
        assert house.carried == tree(origin.root)
        assert not (house.tree / "project/trace/leaf-stage1").exists()

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
        assert house.carried.keys() >= tree(origin.root).keys()

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
        async with asyncio.timeout(60):
            await controller.lanes["debian"].answer(request.id)
        assert house.carried == tree(origin.root)
        assert house.store.archive("debian").publishing is None

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
        assert house.carried == tree(origin.root)

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


def test_an_origin_publishes_a_higher_serial_each_time(tmp_path: Path) -> None:
    house = House(tmp_path / "house")

    async def scene(controller: Controller) -> None:
        assert (await ask(controller)).code == 0
        first, began = house.store.archive("debian").serial, time.time()
        assert (await ask(controller)).code == 0
        second = house.store.archive("debian").serial
        assert first
        assert second in {trace.next_serial(first, now) for now in (began, time.time())}, "a day may have ended"
        assert int(second) > int(first)
        assert (house.tree / "project/trace/master").resolve().name == "leaf"

    played(house, scene)
    house.store.close()
