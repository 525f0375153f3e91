"""Volumes that are read-only, not mounted or broken: nothing is emptied, and nothing made anew."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from appliance import status
from appliance.controller import Controller
from tests.unit import filesystems
from tests.unit.house import House, ask, played, shown, until
from tests.unit.upstream import DebianTree, tree


def test_a_read_only_volume(build: Callable[..., House], origin: DebianTree) -> None:
    house = build("size=8m")

    async def scene(controller: Controller) -> None:
        await ask(controller)
        before = tree(house.tree)
        origin.release("2026112102", hello="two")
        filesystems.change(house.places.data, "ro")
        answer = await ask(controller)
        assert str(answer.answer) == "the archives' volume is read-only"
        assert status.picture(controller)["volumes"]["data"]["read_only"]
        assert tree(house.tree) == before
        filesystems.change(house.places.data, "rw")
        await until(lambda: house.holds(origin))

    played(house, scene)


def test_a_volume_that_is_away_is_neither_emptied_nor_made_anew(
    build: Callable[..., House], origin: DebianTree, tmp_path: Path
) -> None:
    house = build()
    disk = tmp_path / "disk"
    with filesystems.small(disk, "size=8m"):
        house.places.archive("debian").rmdir()
        filesystems.mount("--bind", disk, house.places.data)
        house.places.archive("debian").mkdir()

        async def scene(controller: Controller) -> None:
            assert (await ask(controller)).code == 0
            assert status.not_ready(controller) == []
            subprocess.run(["umount", "-l", house.places.data], check=True)
            assert "not mounted" in status.not_ready(controller)[0]
            origin.release("2026112102", hello="two")
            answer = await ask(controller)
            assert "the archives' volume is not mounted: debian was published there" in str(answer.answer)
            assert [*house.places.data.iterdir()] == []
            assert house.store.doomed("debian") == set()
            filesystems.mount("--bind", disk, house.places.data)
            await until(lambda: house.holds(origin))
            await until(lambda: not status.not_ready(controller))
            subprocess.run(["umount", "-l", house.places.data], check=True)
            assert (await ask(controller, rollback=True)).code == 0
            assert house.holds(origin)

        try:
            played(house, scene)
        finally:
            while house.places.data.is_mount():
                subprocess.run(["umount", "-l", house.places.data], check=True)


def test_a_disk_that_cannot_say_is_neither_empty_nor_the_end_of_the_status(
    build: Callable[..., House], origin: DebianTree
) -> None:
    house = build()

    async def scene(controller: Controller) -> None:
        assert (await ask(controller)).code == 0
        shutil.rmtree(house.places.data)
        house.places.data.write_bytes(b"")  # to look below it is an error, but not that nothing is there
        assert not controller.lanes["debian"].is_gone
        assert shown(controller)["serial"] == "2026112101"

    played(house, scene)


def test_a_publication_cut_short_is_not_finished_on_an_empty_place(
    build: Callable[..., House], origin: DebianTree
) -> None:
    house = build()
    run = house.store.begin("debian", "sync", "ssh", [], 1)
    house.store.publishing("debian", run)

    async def scene(controller: Controller) -> None:
        assert "not mounted" in str((await ask(controller)).answer)
        assert house.store.archive("debian").publishing == run
        assert [*house.tree.iterdir()] == []

    played(house, scene)
