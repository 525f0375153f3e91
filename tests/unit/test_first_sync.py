"""A first sync of so much that it is read as it comes: what does not fit is refused all the same."""

from __future__ import annotations

import asyncio
import os
import random
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from appliance.records import Request
from appliance.store import Store
from appliance.sync import entry, fetch
from appliance.sync.remembered import Remembered
from appliance.sync.source import Source
from tests.unit.house import House, synced, until
from tests.unit.upstream import DebianTree, daemon

FILES = 60
SIZE = 1 << 20
STREAMS = 4  # the default


@pytest.fixture
def archive(tmp_path: Path) -> DebianTree:
    archive, chance = DebianTree(tmp_path / "upstream"), random.Random(0)
    archive.release("2026112101", **{f"p{n}": str(n) + chance.randbytes(SIZE // 2).hex() for n in range(FILES)})
    return archive


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files that the verification reads."""
    real, names = entry.measure, list[str]()

    def measure(path: Path, algorithm: str = "sha256") -> entry.Entry:
        names.append(path.name)
        return real(path, algorithm)

    monkeypatch.setattr(entry, "measure", measure)
    return names


def sync(tmp_path: Path, archive: DebianTree, lines: str = "") -> tuple[Request, House]:
    with daemon(tmp_path, {"debian": archive.root}, lines) as port:
        house = House(tmp_path / "house", port)
        try:
            return synced(house), house
        finally:
            house.store.close()


@pytest.fixture
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """No part of a fetch ends before something of it has been read behind it, however busy the machine is."""
    add, share, added = Remembered.add, fetch._share, list[str]()

    def note(self: Remembered, status: os.stat_result, digest: str) -> None:
        add(self, status, digest)
        added.append(digest)

    async def wait(*facts: Any) -> int:
        received = await share(*facts)
        await until(lambda: added)
        return received

    monkeypatch.setattr(Remembered, "add", note)
    monkeypatch.setattr(fetch, "_share", wait)


@pytest.mark.usefixtures("unhurried")
def test_what_was_read_as_it_came_is_not_read_again(tmp_path: Path, archive: DebianTree, read: list[str]) -> None:
    answer, house = sync(tmp_path, archive)
    assert answer.code == 0, answer.answer
    assert len(list((house.tree / "pool").iterdir())) == FILES
    assert (house.tree / "dists/s/InRelease").exists()
    # The last ones may have come too late; a busy machine leaves some more.
    assert len([name for name in read if name.endswith(".deb")]) < FILES
    assert "Packages" in read


@pytest.mark.parametrize("number", [0, FILES // 2, FILES - 1])
def test_what_came_broken_is_refused(tmp_path: Path, archive: DebianTree, number: int) -> None:
    file = archive.root / f"pool/p{number}.deb"
    before = file.stat()
    with file.open("r+b") as broken:
        broken.seek(SIZE // 2)
        broken.write(b"!")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    answer, house = sync(tmp_path, archive)
    assert answer.code != 0
    assert re.search(
        rf"pool/p{number}\.deb: expected (\d+) bytes, SHA256 .*, found \1 bytes, SHA256", answer.answer or ""
    )
    assert not (house.tree / "dists/s/InRelease").exists()


@pytest.mark.parametrize("most", [1, 2, STREAMS, STREAMS + 1])
def test_indices_come_with_the_last_payload_if_the_upstream_lets_them(
    tmp_path: Path, archive: DebianTree, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setattr("appliance.sync.count.NEAR", 8 << 20)
    begun, real = asyncio.Event(), fetch._share

    async def share(source: Source, names: list[str], options: list[str], target: Path, *facts: Any) -> int:
        if target.name == "index":
            begun.set()
        received = await real(source, names, options, target, *facts)
        if most > STREAMS:  # else the index has to wait until this one is over
            await asyncio.wait_for(begun.wait(), 60)
        return received

    monkeypatch.setattr(fetch, "_share", share)
    answer, house = sync(tmp_path, archive, f"max connections = {most}\nlock file = {tmp_path}/lock")
    assert answer.code == 0, answer.answer
    assert len(list((house.tree / "pool").iterdir())) == FILES
    assert (house.tree / "dists/s/InRelease").exists()
    assert begun.is_set()


def test_a_tree_that_another_program_has_filled_is_not_fetched_again(tmp_path: Path, archive: DebianTree) -> None:
    """What an operator mounts who has run ftpsync until yesterday, a day older than the upstream."""
    shutil.copytree(archive.root, tmp_path / "house/data/debian", symlinks=True, ignore=shutil.ignore_patterns(".*"))
    (tmp_path / "house/data/debian/project/trace").mkdir(parents=True, exist_ok=True)
    (tmp_path / "house/data/debian/project/trace/ours").write_text("ftpsync's own\n")
    archive.release("2026112102", **{f"p{n}": "new" for n in range(2)})
    answer, house = sync(tmp_path, archive)
    assert answer.code == 0, answer.answer
    assert house.holds(archive)
    (run,) = Store(house.places.store).runs("debian")
    assert run.bytes < FILES * SIZE / 10
