"""Volumes that are full, too small, read-only or away: nothing is lost or damaged, and it goes on by itself."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from appliance import metrics, space, status, volume
from appliance.commands import Verdict
from appliance.controller import Controller, new_request
from appliance.doors import inbox
from appliance.errors import ConfigurationError, SyncError
from appliance.lanes import retry
from appliance.lanes.retry import Pace
from appliance.records import Request
from appliance.settings import load
from appliance.space import Amount, Reserve
from appliance.store import Store, carried, check
from appliance.sync.changes import Change, Changes
from appliance.sync.need import need_of
from appliance.sync.plan import Plan
from appliance.volume import Volume
from tests.unit import filesystems
from tests.unit.house import House, until
from tests.unit.samples import SMALLEST
from tests.unit.upstream import DebianTree, daemon, tree

MB = 1_000_000


@pytest.fixture
def upstream(tmp_path: Path) -> DebianTree:
    archive = DebianTree(tmp_path / "upstream")
    archive.release("2026112101", hello="one")
    return archive


@pytest.fixture
def build(tmp_path: Path, upstream: DebianTree, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., House]]:
    """Makes a mirror on filesystems with these options, which looks at its volume often and tries again soon."""
    monkeypatch.setattr(volume, "EVERY", 0.05)
    monkeypatch.setattr(retry, "PACES", {Verdict.LOCAL: Pace(0.3, 0.3)})
    with ExitStack() as stack:
        port = stack.enter_context(daemon(tmp_path, {"debian": upstream.root}))

        def build(data: str = "", state: str = "", **extra: str) -> House:
            root = tmp_path / "house"
            for name, options in (("data", data), ("state", state)):
                if options:
                    stack.enter_context(filesystems.small(root / name, options))
            house = House(root, port, extra={"MIRROR_RESERVE": "0", **extra})
            stack.callback(house.store.close)
            return house

        yield build


async def ask(controller: Controller, rollback: bool = False) -> Request:
    request = new_request("debian", "all", "ssh", "hub")
    if rollback:
        request = Request(request.id, "debian", "all", False, "cli", "me", 1, 1, allow_rollback=True)
    controller.accept([request])
    async with asyncio.timeout(30):
        return await controller.lanes["debian"].answer(request.id)


def played(house: House, scene: Callable[[Controller], object]) -> None:
    async def play() -> None:
        async with house.open() as controller:
            await scene(controller)  # type: ignore[misc]

    asyncio.run(play())


def whole(house: House, upstream: DebianTree) -> bool:
    return tree(upstream.root).items() <= tree(house.tree).items()


def shown(controller: Controller) -> dict[str, object]:
    return dict(status.picture(controller)["archives"]["debian"])


def test_what_does_not_fit_is_not_begun_and_goes_on_when_there_is_room(
    build: Callable[..., House], upstream: DebianTree
) -> None:
    house = build("size=1m")
    upstream.release("2026112102", big=os.urandom(MB).hex())

    async def scene(controller: Controller) -> None:
        answer = await ask(controller)
        assert answer.code == 3
        assert re.match(r"the volume has 1\.0 MB, the update needs 2\.\d MB$", str(answer.answer))
        assert tree(house.tree) == {}
        assert shown(controller)["cause"] == "local"
        assert "make room" in str(shown(controller)["error"])
        assert shown(controller)["next_try_at"]
        filesystems.change(house.places.data, "size=8m")
        await until(lambda: whole(house, upstream))
        await until(lambda: house.store.archive("debian").failures == 0)

    played(house, scene)


def test_a_retry_asks_the_upstream_only_when_there_is_room(
    build: Callable[..., House], upstream: DebianTree, tmp_path: Path
) -> None:
    house = build("size=1m")
    upstream.release("2026112102", big=os.urandom(MB).hex())
    log = tmp_path / "rsyncd.log"

    async def scene(controller: Controller) -> None:
        await ask(controller)
        asked = log.read_text().count("rsync on debian")
        await until(lambda: house.store.count_runs("debian") >= 4)
        assert log.read_text().count("rsync on debian") == asked

    played(house, scene)


def test_too_few_inodes(build: Callable[..., House], upstream: DebianTree) -> None:
    house = build("size=8m,nr_inodes=40")
    upstream.release("2026112102", **{f"package{number}": "x" for number in range(40)})

    async def scene(controller: Controller) -> None:
        answer = await ask(controller)
        assert "inodes, the update needs" in str(answer.answer)
        assert tree(house.tree) == {}
        filesystems.change(house.places.data, "nr_inodes=400")
        await until(lambda: whole(house, upstream))

    played(house, scene)


def test_below_the_reserve_nothing_starts(build: Callable[..., House], upstream: DebianTree) -> None:
    house = build("size=4m", MIRROR_RESERVE="50%")

    async def scene(controller: Controller) -> None:
        file = filesystems.fill(house.places.data, leave=MB)
        answer = await ask(controller)
        assert str(answer.answer).startswith("the volume has ")
        assert "2.1 MB of it are the reserve" in str(answer.answer)
        told = metrics.text(controller).decode()
        assert 'mirror_volume_reserve_bytes{volume="data"} 2.097152e+06' in told
        assert 'mirror_volume_free_inodes{volume="data"}' in told
        seen = status.picture(controller)["volumes"]["data"]
        assert seen["free_bytes"] <= MB < seen["reserve_bytes"] == 2 << 20
        file.unlink()
        await until(lambda: whole(house, upstream))

    played(house, scene)


@pytest.mark.parametrize("reserve", ["0", "1M"])
def test_a_volume_that_others_fill_in_the_middle_loses_nothing(
    build: Callable[..., House], upstream: DebianTree, reserve: str
) -> None:
    house = build("size=16m", MIRROR_RESERVE=reserve, MIRROR_ARCHIVES__DEBIAN__BWLIMIT="1000")

    async def scene(controller: Controller) -> None:
        await ask(controller)
        before = tree(house.tree)
        upstream.release("2026112102", **{f"big{number}": os.urandom(MB // 4).hex() for number in range(8)})
        asked = asyncio.create_task(ask(controller))
        await until(lambda: [*house.tree.glob("pool/big*")])
        file = filesystems.fill(house.places.data, leave=1 << 19 if reserve != "0" else 0)
        answer = await asked
        assert answer.code == 3
        assert ("are the reserve" if reserve != "0" else "No space left on device") in str(answer.answer)
        assert before.items() <= tree(house.tree).items()
        free = os.statvfs(house.places.data)
        assert reserve == "0" or free.f_bavail * free.f_frsize > 1 << 18, "the reserve is touched, not eaten"
        file.unlink()
        await until(lambda: whole(house, upstream), 30)

    played(house, scene)


def test_what_has_been_gone_for_long_makes_room(build: Callable[..., House], upstream: DebianTree) -> None:
    house = build("size=3m", MIRROR_ARCHIVES__DEBIAN__GRACE="1d")
    upstream.release("2026112102", old=os.urandom(MB).hex())

    async def scene(controller: Controller) -> None:
        await ask(controller)
        del upstream.packages["old"]
        (upstream.root / "pool/old.deb").unlink()
        upstream.release("2026112103", hello="two")
        assert (await ask(controller)).code == 0
        assert (house.tree / "pool/old.deb").exists(), "it has its grace time"
        upstream.release("2026112104", new=os.urandom(MB).hex())
        assert (await ask(controller)).code == 3
        a_day_ago = time.time() - 100_000
        house.store._db.execute("update doomed set since = ?", (a_day_ago,))
        await until(lambda: whole(house, upstream))
        assert not (house.tree / "pool/old.deb").exists()

    played(house, scene)


def test_half_a_file_does_not_keep_the_whole_one_out(build: Callable[..., House], upstream: DebianTree) -> None:
    house = build("size=4m")
    upstream.release("2026112102", big=os.urandom(MB).hex())

    async def scene(controller: Controller) -> None:
        part = house.places.staging("debian") / "partial" / "big.deb"
        part.parent.mkdir(parents=True)
        part.write_bytes(bytes(3 * MB))
        assert (await ask(controller)).code == 0
        assert whole(house, upstream)

    played(house, scene)


def test_a_read_only_volume(build: Callable[..., House], upstream: DebianTree) -> None:
    house = build("size=8m")

    async def scene(controller: Controller) -> None:
        await ask(controller)
        before = tree(house.tree)
        upstream.release("2026112102", hello="two")
        filesystems.change(house.places.data, "ro")
        answer = await ask(controller)
        assert str(answer.answer) == f"{house.places.data} is read-only"
        assert status.picture(controller)["volumes"]["data"]["read_only"]
        assert tree(house.tree) == before
        filesystems.change(house.places.data, "rw")
        await until(lambda: whole(house, upstream))

    played(house, scene)


def test_a_volume_that_is_away_is_neither_emptied_nor_made_anew(
    build: Callable[..., House], upstream: DebianTree, tmp_path: Path
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
            upstream.release("2026112102", hello="two")
            answer = await ask(controller)
            assert "is empty, and debian was published there: its volume is not mounted" in str(answer.answer)
            assert [*house.places.data.iterdir()] == []
            assert house.store.doomed("debian") == set()
            filesystems.mount("--bind", disk, house.places.data)
            await until(lambda: whole(house, upstream))
            await until(lambda: not status.not_ready(controller))
            subprocess.run(["umount", "-l", house.places.data], check=True)
            assert (await ask(controller, rollback=True)).code == 0
            assert whole(house, upstream)

        try:
            played(house, scene)
        finally:
            while house.places.data.is_mount():
                subprocess.run(["umount", "-l", house.places.data], check=True)


def test_a_disk_that_cannot_say_is_neither_empty_nor_the_end_of_the_status(
    build: Callable[..., House], upstream: DebianTree
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
    build: Callable[..., House], upstream: DebianTree
) -> None:
    house = build()
    run = house.store.begin("debian", "sync", "ssh", [], 1)
    house.store.publishing("debian", run)

    async def scene(controller: Controller) -> None:
        assert "not mounted" in str((await ask(controller)).answer)
        assert house.store.archive("debian").publishing == run
        assert [*house.tree.iterdir()] == []

    played(house, scene)


def test_a_full_state_volume(build: Callable[..., House], upstream: DebianTree) -> None:
    house = build(state="size=1m")

    async def scene(controller: Controller) -> None:
        assert (await ask(controller)).code == 0
        file = filesystems.fill(house.places.state)
        with pytest.raises(sqlite3.Error):
            controller.accept([new_request("debian", "all", "http", "hub") for _ in range(500)])
        with pytest.raises(OSError, match="No space left"):
            inbox.leave(str(house.places.state), "debian", "all", "ssh", "hub", False, False)
        assert house.store.open_requests("debian") == [], "what was not accepted is not known"
        assert status.picture(controller)["volumes"]["state"]["free_bytes"] == 0
        upstream.release("2026112102", hello="two")
        file.unlink()
        assert (await ask(controller)).code == 0
        assert whole(house, upstream)

    played(house, scene)


@pytest.mark.parametrize("killed", [False, True])
def test_a_start_on_a_full_state_volume(build: Callable[..., House], upstream: DebianTree, killed: bool) -> None:
    house = build(state="size=1m")

    async def before(controller: Controller) -> None:
        assert (await ask(controller)).code == 0
        house.store.begin("debian", "sync", "ssh", [], 1)  # a run that nobody ended
        inbox.leave(str(house.places.state), "debian", "all", "ssh", "hub", False, False)

    async def scene(controller: Controller) -> None:
        assert shown(controller)["serial"] == "2026112101"
        upstream.release("2026112102", hello="two")
        file.unlink()
        assert (await ask(controller)).code == 0
        assert whole(house, upstream)

    played(house, before)
    if killed:
        last_life = Store(house.places.store)  # what it had open stays behind
    house.store.close()
    file = filesystems.fill(house.places.state)
    check(house.places.store)
    assert carried(house.places.store) == {"debian"}
    house.store = Store(house.places.store)
    if killed:
        last_life.close()
    played(house, scene)


def test_what_one_was_promised_another_does_not_get(tmp_path: Path) -> None:
    with filesystems.small(tmp_path / "data", "size=10m") as data:
        places = House(tmp_path).places
        assert places.data == data
        shared = Volume(places, Reserve(bytes=MB))
        left = [Amount(6 * MB, 3)]
        with shared.promise("one", Amount(6 * MB, 3), lambda: left[0]):
            with pytest.raises(
                SyncError, match=r"the update needs 4\.0 MB, 6\.0 MB for other archives; 1\.0 MB of it are"
            ):
                shared.fit("two", Amount(4 * MB, 3))
            shared.check("two", anew=True)
            with pytest.raises(SyncError):
                shared.fit("two", Amount(4 * MB, 3))
            with pytest.raises(SyncError):
                shared.check("two", anew=False)
            left[0] = Amount(2 * MB, 1)
            shared.fit("two", Amount(4 * MB, 3))
        shared.fit("two", Amount(9 * MB, 3))
        shared.fit("two", Amount())


def test_what_a_plan_needs(tmp_path: Path) -> None:
    (tmp_path / "known").write_bytes(b"x" * 5000)
    work = Plan(
        payload=Changes.of(
            (
                Change("new", 0, new=True, directory=True),
                Change("old", 0, new=False, directory=True),
                Change("new/a", 5000, new=True),
                Change("new/b", 5000, new=True, leader="new/a"),
            )
        ),
        index=Changes.of((Change("known", 5000, new=False), Change("unknown", 1, new=False))),
    )
    need = need_of(work, tmp_path, 4096)
    assert need.inodes == 3
    assert 4096 + 8192 + 4096 <= need.bytes <= 4096 + 8192 + 4096 + 6 * 64


@pytest.mark.parametrize(
    ("text", "expected"),
    [("1%", Reserve(share=0.01)), ("0.5%", Reserve(share=0.005)), ("20G", Reserve(bytes=20 << 30)), ("0", Reserve())],
)
def test_a_reserve_as_people_write_it(text: str, expected: Reserve) -> None:
    assert space.reserve(text) == expected
    assert space.reserve(str(expected)) == expected


@pytest.mark.parametrize("text", ["100%", "-1", "1 GB", "half", "1%%"])
def test_what_is_no_reserve(text: str) -> None:
    with pytest.raises(ConfigurationError, match="neither a share nor a size"):
        load({**SMALLEST, "MIRROR_RESERVE": text})


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (99_949, "99.9 kB"), (3.4e12, "3.4 TB")]
)
def test_sizes_for_people(size: float, text: str) -> None:
    assert space.spell(size) == text
