"""Volumes that are full or too small: nothing is lost or damaged, and it goes on by itself."""

from __future__ import annotations

import asyncio
import os
import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from appliance import metrics, status
from appliance.controller import Controller
from appliance.errors import SyncError
from appliance.space import Amount, Reserve
from appliance.volume import Volume
from tests.unit import filesystems
from tests.unit.house import House, ask, played, shown, until
from tests.unit.upstream import DebianTree, tree

MB = 1_000_000


def test_what_does_not_fit_is_not_begun_and_goes_on_when_there_is_room(
    build: Callable[..., House], origin: DebianTree
) -> None:
    house = build("size=1m")
    origin.release("2026112102", big=os.urandom(MB).hex())

    async def scene(controller: Controller) -> None:
        answer = await ask(controller)
        assert answer.code == 3
        assert re.match(r"the volume has 1\.0 MB, the update needs 2\.\d MB$", str(answer.answer))
        assert tree(house.tree) == {}
        assert shown(controller)["cause"] == "local"
        assert "make room" in str(shown(controller)["error"])
        assert shown(controller)["next_try_at"]
        filesystems.change(house.places.data, "size=8m")
        await until(lambda: house.holds(origin))
        await until(lambda: house.store.archive("debian").failures == 0)

    played(house, scene)


def test_a_retry_asks_the_upstream_only_when_there_is_room(
    build: Callable[..., House], origin: DebianTree, tmp_path: Path
) -> None:
    house = build("size=1m")
    origin.release("2026112102", big=os.urandom(MB).hex())
    log = tmp_path / "rsyncd.log"

    async def scene(controller: Controller) -> None:
        await ask(controller)
        asked = log.read_text().count("rsync on debian")
        await until(lambda: house.store.count_runs("debian") >= 4)
        assert log.read_text().count("rsync on debian") == asked

    played(house, scene)


def test_too_few_inodes(build: Callable[..., House], origin: DebianTree) -> None:
    house = build("size=8m,nr_inodes=40")
    origin.release("2026112102", **{f"package{number}": "x" for number in range(40)})

    async def scene(controller: Controller) -> None:
        answer = await ask(controller)
        assert "inodes, the update needs" in str(answer.answer)
        assert tree(house.tree) == {}
        filesystems.change(house.places.data, "nr_inodes=400")
        await until(lambda: house.holds(origin))

    played(house, scene)


def test_below_the_reserve_nothing_starts(build: Callable[..., House], origin: DebianTree) -> None:
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
        await until(lambda: house.holds(origin))

    played(house, scene)


@pytest.mark.parametrize("reserve", ["0", "1M"])
def test_a_volume_that_others_fill_in_the_middle_loses_nothing(
    build: Callable[..., House], origin: DebianTree, reserve: str
) -> None:
    house = build("size=16m", MIRROR_RESERVE=reserve, MIRROR_ARCHIVES__DEBIAN__BWLIMIT="1000")

    async def scene(controller: Controller) -> None:
        await ask(controller)
        before = tree(house.tree)
        origin.release("2026112102", **{f"big{number}": os.urandom(MB // 4).hex() for number in range(8)})
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
        await until(lambda: house.holds(origin))

    played(house, scene)


def test_what_has_been_gone_for_long_makes_room(build: Callable[..., House], origin: DebianTree) -> None:
    house = build("size=3m", MIRROR_ARCHIVES__DEBIAN__GRACE="1d")
    origin.release("2026112102", old=os.urandom(MB).hex())

    async def scene(controller: Controller) -> None:
        await ask(controller)
        del origin.packages["old"]
        (origin.root / "pool/old.deb").unlink()
        origin.release("2026112103", hello="two")
        assert (await ask(controller)).code == 0
        assert (house.tree / "pool/old.deb").exists(), "it has its grace time"
        origin.release("2026112104", new=os.urandom(MB).hex())
        assert (await ask(controller)).code == 3
        a_day_ago = time.time() - 100_000
        house.store._db.execute("update doomed set since = ?", (a_day_ago,))
        await until(lambda: house.holds(origin))
        assert not (house.tree / "pool/old.deb").exists()

    played(house, scene)


def test_half_a_file_does_not_keep_the_whole_one_out(build: Callable[..., House], origin: DebianTree) -> None:
    house = build("size=4m")
    origin.release("2026112102", big=os.urandom(MB).hex())

    async def scene(controller: Controller) -> None:
        part = house.places.staging("debian") / "partial" / "big.deb"
        part.parent.mkdir(parents=True)
        part.write_bytes(bytes(3 * MB))
        assert (await ask(controller)).code == 0
        assert house.holds(origin)

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
