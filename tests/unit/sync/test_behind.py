from __future__ import annotations

import asyncio
import hashlib
import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from appliance.sync import behind, fetch
from appliance.sync.behind import Behind
from appliance.sync.changes import Change, Changes
from appliance.sync.count import Count
from appliance.sync.remembered import Remembered
from appliance.sync.source import Source
from appliance.sync.staging import Staging
from appliance.sync.transport import Transport
from tests.unit.house import until
from tests.unit.upstream import daemon


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "tree").mkdir()
    return tmp_path / "tree"


def write(tree: Path, name: str, data: bytes) -> str:
    (tree / name).write_bytes(data)
    return hashlib.sha256(data).hexdigest()


def reading() -> bool:
    return any(thread.name == "behind" for thread in threading.enumerate())


def open_files() -> set[str]:
    found = set()
    for number in os.listdir("/proc/self/fd"):
        with suppress(FileNotFoundError):  # others close theirs meanwhile
            found.add(os.readlink(f"/proc/self/fd/{number}"))
    return found


def test_what_came_is_read_and_its_thread_ends(tree: Path) -> None:
    known = Remembered()

    async def scene() -> None:
        async with Behind(tree, known) as came:
            digests = {f"{size}": write(tree, f"{size}", os.urandom(size)) for size in (0, 5, 1 << 20)}
            for name in digests:
                came(name)
            await until(lambda: all(known.has((tree / name).stat(), digest) for name, digest in digests.items()))
            assert reading()

    asyncio.run(scene())
    assert not reading()


def test_what_cannot_be_read_does_no_harm(tree: Path) -> None:
    known = Remembered()
    (tree / "directory").mkdir()
    (tree / "link").symlink_to("last")
    os.mkfifo(tree / "fifo")

    async def scene() -> None:
        async with Behind(tree, known) as came:
            digest = write(tree, "last", b"last")
            for name in ("directory", "link", "fifo", "nothing", "a\0b", "last"):
                came(name)
            await until(lambda: known.has((tree / "last").stat(), digest))

    asyncio.run(scene())
    assert not reading()


def test_a_file_that_changes_while_it_is_read_is_not_remembered(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known, real = Remembered(), os.readv

    def readv(file: int, buffers: list[bytearray]) -> int:
        size = real(file, buffers)
        if size == 5:
            (tree / "a").write_bytes(b"wrong")
        return size

    async def scene() -> None:
        async with Behind(tree, known) as came:
            digest = write(tree, "a", b"right")
            last = write(tree, "last", b"last one")
            came("a")
            came("last")
            await until(lambda: known.has((tree / "last").stat(), last))
            assert not known.has((tree / "a").stat(), digest)

    monkeypatch.setattr(os, "readv", readv)
    asyncio.run(scene())


def test_a_file_is_not_read_before_its_ctime_tells_of_changes(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else one that changes right behind its reading would look the same."""
    known, begun = Remembered(), list[float]()
    real = os.readv

    def readv(file: int, buffers: list[bytearray]) -> int:
        begun.append(time.time_ns() - os.fstat(file).st_ctime_ns)
        return real(file, buffers)

    async def scene() -> None:
        async with Behind(tree, known) as came:
            for number in range(20):
                digest = write(tree, f"{number}", b"x")
                came(f"{number}")
            await until(lambda: known.has((tree / "19").stat(), digest))

    monkeypatch.setattr(os, "readv", readv)
    asyncio.run(scene())
    assert min(begun) >= behind.SETTLED


def test_whole_seconds_are_waited_for(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a filesystem keeps nothing finer, a file may change twice in one of them."""
    monkeypatch.setattr(behind, "COARSE", 1_300_000_000)
    known, fstat, readv, ages = Remembered(), os.fstat, os.readv, list[int]()

    def coarse(file: int) -> os.stat_result:
        seen = fstat(file)
        return os.stat_result(seen[:10], {"st_mtime_ns": seen.st_mtime_ns, "st_ctime_ns": int(seen.st_ctime) * 10**9})

    def reading(file: int, buffers: list[bytearray]) -> int:
        ages.append(time.time_ns() - coarse(file).st_ctime_ns)
        return readv(file, buffers)

    async def scene() -> None:
        async with Behind(tree, known) as came:
            write(tree, "a", b"a")
            came("a")
            await until(lambda: known)

    monkeypatch.setattr(os, "fstat", coarse)
    monkeypatch.setattr(os, "readv", reading)
    asyncio.run(scene())
    assert min(ages) >= behind.COARSE


def test_a_file_that_came_and_is_older_than_the_fetch_is_not_remembered(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its filesystem shows another time for the one that nobody can set."""
    monkeypatch.setattr(behind, "COARSE", 0)
    known = Remembered()
    digest = write(tree, "a", b"a")
    time.sleep(0.02)  # a tick of the clock that files are dated by

    async def scene() -> None:
        async with Behind(tree, known) as came:
            last = write(tree, "last", b"last")
            came("a")
            came("last")
            await until(lambda: known.has((tree / "last").stat(), last))

    asyncio.run(scene())
    assert not known.has((tree / "a").stat(), digest)


def test_a_file_of_a_day_to_come_is_not_remembered(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody has set the clock back: how old it is cannot be told."""
    known, real = Remembered(), time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: real() - 10**12)

    async def scene() -> None:
        async with Behind(tree, known) as came:
            digest = write(tree, "a", b"a")
            came("a")
            came("nothing")
            await until(lambda: not _waiting())
        assert not known.has((tree / "a").stat(), digest)

    def _waiting() -> bool:
        return any("/tree/a" in name for name in open_files())

    asyncio.run(scene())


@pytest.mark.parametrize("breaks", [False, True])
def test_the_end_waits_for_no_large_file(tree: Path, breaks: bool) -> None:
    known = Remembered()
    with (tree / "large").open("wb") as file:
        os.truncate(file.fileno(), 1 << 40)  # a quarter of an hour

    async def scene() -> None:
        async with Behind(tree, known) as came:
            came("large")
            await until(lambda: any(name.endswith("/large") for name in open_files()))
            for _ in range(3 * behind.WAITING):
                came("large")
            if breaks:
                raise KeyboardInterrupt

    started = time.monotonic()
    if breaks:
        with pytest.raises(KeyboardInterrupt):
            asyncio.run(scene())
    else:
        asyncio.run(scene())
    assert time.monotonic() - started < 300
    assert not reading()
    assert not any(name.endswith("/large") for name in open_files())


def upstream(tmp_path: Path, files: dict[str, bytes]) -> Path:
    root = tmp_path / "upstream"
    for name, data in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
    return root


def plan(root: Path, names: list[str]) -> Changes:
    return Changes.of(Change(name, (root / name).stat().st_size, new=True) for name in names)


def test_every_file_of_a_fetch_is_told_of_once_when_it_is_in_its_place(tmp_path: Path, tree: Path) -> None:
    names = [f"pool/{number}/a b\n\\#303 é {number}" for number in range(300)]
    root = upstream(tmp_path, {name: name.encode() for name in names})
    seen: list[str] = []

    def heed(path: str) -> None:
        assert (tree / path).read_bytes() == path.encode()
        seen.append(path)

    staging = Staging(tmp_path / "staging")
    staging.prepare()
    with daemon(tmp_path, {"x": root}) as port:
        source = Source(Transport(f"rsync://127.0.0.1:{port}/x"), own_name="leaf")
        asyncio.run(fetch.payload(source, staging, tree, plan(root, names), Count(), heed))
    assert sorted(seen) == sorted(names)


def test_a_fetch_that_is_cancelled_leaves_no_thread_and_no_file(tmp_path: Path, tree: Path) -> None:
    names = [f"pool/{number:03}" for number in range(200)]
    root = upstream(tmp_path, {name: os.urandom(100_000) for name in names})
    staging, known = Staging(tmp_path / "staging"), Remembered()
    staging.prepare()
    told: list[str] = []

    async def scene(port: int) -> None:
        source = Source(Transport(f"rsync://127.0.0.1:{port}/x"), own_name="leaf", bwlimit=1000)

        async def fetching() -> None:
            async with Behind(tree, known) as came:
                heed = both(came, told.append)
                await fetch.payload(source, staging, tree, plan(root, names), Count(), heed)

        doing = asyncio.create_task(fetching())
        await until(lambda: told)
        assert reading()
        doing.cancel()
        await asyncio.gather(doing, return_exceptions=True)
        assert doing.cancelled()

    before = open_files()
    with daemon(tmp_path, {"x": root}) as port:
        asyncio.run(scene(port))
    assert not reading()
    assert not {name for name in open_files() - before if str(tmp_path) in name}


def both(*heeds: Callable[[str], None]) -> Callable[[str], None]:
    def heed(path: str) -> None:
        for one in heeds:
            one(path)

    return heed
