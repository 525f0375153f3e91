"""Below an upstream without a journal: a walk, and what can be done beside it."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Awaitable
from pathlib import Path
from typing import Any

import pytest

from appliance.run import sealing
from appliance.run.fetching import Fetching
from appliance.sync import comparison, plan
from appliance.sync.journal import follow
from appliance.sync.journal.delta import Head
from appliance.sync.source import Source
from tests.unit.house import House, ask, until
from tests.unit.upstream import DebianTree, daemon, tree


def is_same(archive: DebianTree, house: House) -> bool:
    return {path: text for path, text in tree(house.tree).items() if "project/" not in path} == {
        path: text for path, text in tree(archive.root).items() if "project/" not in path
    }


@pytest.mark.parametrize("most", [0, 1, 2])
def test_whatever_the_upstream_lets_in_at_a_time(tmp_path: Path, most: int) -> None:
    archive = DebianTree(tmp_path / "upstream")
    archive.release("2026112101", hello="one")

    async def scene(house: House) -> None:
        async with house.open() as controller:
            for number in range(4):
                assert (await ask(controller)).code == 0
                assert is_same(archive, house)
                assert (await ask(controller)).code == 0
                archive.release(f"202611220{number}", hello=f"version {number}", **{f"more{number}": "new"})

    limit = f"max connections = {most}\nlock file = {tmp_path}/lock"
    with daemon(tmp_path, {"debian": archive.root}, limit) as port:
        house = House(tmp_path / "house", port)
        asyncio.run(scene(house))
        house.store.close()


def test_the_first_walk_does_not_wait_for_a_journal_that_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = DebianTree(tmp_path / "upstream")
    archive.release("2026112101", hello="one")
    log, real, walks = tmp_path / "rsyncd.log", follow.look, list[int]()

    async def look(source: Source, cache: Path) -> Head:
        await until(lambda: "rsync on debian/" in log.read_text())
        return await real(source, cache)

    async def scene(house: House) -> None:
        async with house.open() as controller:
            assert (await ask(controller)).code == 0

    def walk(*facts: Any) -> Awaitable[plan.Plan]:
        walks.append(1)
        return walked(*facts)

    walked = comparison.walk
    monkeypatch.setattr(follow, "look", look)
    monkeypatch.setattr(comparison, "walk", walk)
    with daemon(tmp_path, {"debian": archive.root}) as port:
        house = House(tmp_path / "house", port)
        asyncio.run(scene(house))
        house.store.close()
    assert is_same(archive, house)
    assert len(walks) == 1


def test_a_root_that_changed_without_another_size_or_time_is_seen(tmp_path: Path) -> None:
    archive = DebianTree(tmp_path / "upstream")
    archive.release("2026112101", hello="one")
    root = archive.root / "dists/s/InRelease"

    async def scene(house: House) -> None:
        async with house.open() as controller:
            assert (await ask(controller)).code == 0
            assert (await ask(controller)).code == 0
            before = root.stat()
            root.write_bytes(root.read_bytes().replace(b"Suite: s", b"suite: s"))
            os.utime(root, ns=(before.st_atime_ns, before.st_mtime_ns))
            assert (await ask(controller)).code == 0
            assert (house.tree / "dists/s/InRelease").read_bytes() == root.read_bytes()

    with daemon(tmp_path, {"debian": archive.root}) as port:
        house = House(tmp_path / "house", port, extra={"MIRROR_ARCHIVES__DEBIAN__VERIFY": "index"})
        asyncio.run(scene(house))
        house.store.close()


def test_who_pushes_when_he_is_done_is_looked_at_then(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next look by ourselves would be in ten minutes."""
    monkeypatch.setattr(sealing, "FIRST_PAUSE", 600.0)
    archive = DebianTree(tmp_path / "upstream")
    archive.release("2026112101", hello="one")
    flag = archive.root / "Archive-Update-in-Progress-hub"

    async def scene(house: House) -> None:
        async with house.open() as controller:
            flag.touch()
            waiting = asyncio.create_task(ask(controller))
            lane = controller.lanes["debian"]
            await until(lambda: lane.figures and lane.figures.stage == "upstream")
            assert (await asyncio.wait({waiting}, timeout=0.2))[1]
            flag.unlink()
            assert (await ask(controller)).code == 0
            assert (await waiting).code == 0
            assert is_same(archive, house)

    with daemon(tmp_path, {"debian": archive.root}) as port:
        house = House(tmp_path / "house", port)
        asyncio.run(scene(house))
        house.store.close()


@pytest.mark.parametrize(("source", "ahead"), [("cli", 1), ("poll", 1), ("ssh", 0), ("http", 0)])
def test_nothing_new_is_two_connections(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, ahead: int
) -> None:
    """At the same time for who looks by himself; to who is pushed the root files come with what he expects."""
    real, roots = Fetching.fetch_roots, list[Fetching]()

    async def fetch_roots(self: Fetching) -> None:
        roots.append(self)
        await real(self)

    monkeypatch.setattr(Fetching, "fetch_roots", fetch_roots)
    archive = DebianTree(tmp_path / "upstream")
    archive.release("2026112101", hello="one")
    log = tmp_path / "rsyncd.log"

    async def scene(house: House) -> tuple[int, list[str]]:
        async with house.open() as controller:
            await ask(controller)
            await ask(controller)
            before = len(log.read_text().splitlines())
            roots.clear()
            await ask(controller, source=source)
        run = house.store.last_run("debian")
        assert run
        assert run.result == "noop"
        return before, log.read_text().splitlines()

    with daemon(tmp_path, {"debian": archive.root}) as port:
        house = House(tmp_path / "house", port)
        before, lines = asyncio.run(scene(house))
        house.store.close()
    assert sum("connect from" in line for line in lines[before:]) == 2
    assert len(roots) == ahead


def test_a_package_that_comes_back_as_another_one_during_a_sync_replaces_nothing_that_readers_need(
    tmp_path: Path,
) -> None:
    """Gone when the plan was made, named by the index that came after it: what is published still names the first."""
    archive, states, seen = DebianTree(tmp_path / "upstream"), tmp_path / "states", tmp_path / "seen"
    archive.release("2026112101", hello="first", other="other")

    def gone_and_back() -> None:
        del archive.packages["hello"]
        (archive.root / "pool/hello.deb").unlink()
        archive.release("2026112102", more="more")
        shutil.copytree(archive.root, states / "without", symlinks=True)
        archive.release("2026112103", hello="another")
        archive.root.rename(states / "back")
        (states / "without").rename(archive.root)

    async def scene(house: House) -> None:
        async with house.open() as controller:
            assert (await ask(controller)).code == 0
            gone_and_back()
            hook = tmp_path / "hooks" / "hook2"
            hook.parent.mkdir()
            read = f"cat {house.tree}/pool/hello.deb >>{seen}; echo >>{seen}"
            hook.write_text(f"#!/bin/sh\n{read}\ncp -a {states}/back/. {archive.root}\n")
            hook.chmod(0o755)
            assert (await ask(controller)).code == 0
            assert (house.tree / "pool/hello.deb").read_text() == "another"

    with daemon(tmp_path, {"debian": archive.root}) as port:
        extra = {"MIRROR_HOOKS": str(tmp_path / "hooks"), "MIRROR_ARCHIVES__DEBIAN__STREAMS": "1"}
        house = House(tmp_path / "house", port, extra=extra)
        asyncio.run(scene(house))
        house.store.close()
    assert set(seen.read_text().split()) == {"first"}
