"""Ways in which an upstream may be broken or hostile: none of them reaches a reader or a downstream."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import time
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from typing import Final

import pytest

from appliance.controller import Controller
from appliance.run import change, sealing

# To be imported is all they need for their cases to be known.
from tests.unit.corruption import indices as indices
from tests.unit.corruption import payload as payload
from tests.unit.corruption import roots as roots
from tests.unit.corruption import words as words
from tests.unit.corruption.case import CASES, DAY, Case, flip, reindex
from tests.unit.house import House, ask, played, until
from tests.unit.upstream import PACKERS, PATIENCE, DebianTree, Keyring, daemon

DOWNSTREAMS: Final = "fast=ssh://m@fast?push=all slow=ssh://m@slow?push=staged"


def signed(root: Path, keyring: Keyring) -> DebianTree:
    archive = DebianTree(root, keyring, forms=tuple(PACKERS), sources=True)
    archive.date = time.time() - 2 * DAY
    archive.release("2019112101", hello="one", other="two")
    return archive


@contextmanager
def mirrored(scratch: Path, archive: DebianTree) -> Iterator[House]:
    """A house below this archive, with a downstream of either kind."""
    keyring = archive.keyring
    assert keyring
    extra = {"MIRROR_ARCHIVES__DEBIAN__KEYRING": str(keyring.public), "MIRROR_ARCHIVES__DEBIAN__GRACE": "0"}
    with daemon(scratch, {"debian": archive.root}) as port, pytest.MonkeyPatch.context() as patch:
        # Two plans are as good as four to show that no plan helps, and rsync sleeps a while at the end of each.
        for room in (change, sealing):
            patch.setattr(room, "ATTEMPTS", 2)
        house = House(scratch / "house", port, DOWNSTREAMS, extra)
        house.record_ssh(patch)
        yield house
        house.store.close()


async def told(house: House) -> list[str]:
    """What the downstreams were told, as soon as nobody is owed anything."""
    await until(lambda: {one.state for one in house.store.deliveries()} == {"delivered"})
    return house.told


def contents(root: Path) -> dict[str, bytes]:
    """Every file and link below a directory, as it is now."""
    return {
        str(path.relative_to(root)): os.fsencode(path.readlink()) if path.is_symlink() else path.read_bytes()
        for path in root.rglob("*")
        if path.is_symlink() or path.is_file()
    }


def strays(new: dict[str, bytes], archive: DebianTree) -> list[str]:
    """What came into a tree and is not what its own name or its packages' makers say."""
    good = {f"pool/{name}.deb": data for name, data in archive.packages.items()}
    good |= {f"pool/{name}.dsc": b"Source: " + data for name, data in archive.packages.items()}
    good |= {f"pool/{name}.deb/data": data for name, data in archive.packages.items()}
    return [
        path
        for path, data in new.items()
        if good.get(path) != data and path.rpartition("by-hash/SHA256/")[2] != hashlib.sha256(data).hexdigest()
    ]


def reports(house: House) -> list[str]:
    return [path.read_text() for path in house.places.staging("debian").glob("quarantine/*/report.txt")]


def repair(archive: DebianTree) -> None:
    """The next state, as somebody who noticed would release it."""
    archive.date, archive.valid_until = time.time(), None
    archive.release("2019112109", better="better")


async def is_good_again(controller: Controller, house: House, archive: DebianTree) -> None:
    """Nobody has to help the next good state through, to readers and to downstreams."""
    before = len(house.told)
    repair(archive)
    answer = await ask(controller)
    assert answer.code == 0, answer.answer
    held = contents(house.tree)
    assert {path: held.get(path) for path in contents(archive.root)} == contents(archive.root)
    words = (await told(house))[before:]
    assert sorted(words) == [
        "fast sync:archive:debian sync:all",
        "slow sync:archive:debian sync:stage1",
        "slow sync:archive:debian sync:stage2",
    ]


def refused(case: Case, scratch: Path, keyring: Keyring) -> None:
    """A good state, the corrupt one, a good one again."""
    archive = signed(scratch / "origin", keyring)

    async def scene(controller: Controller) -> None:
        assert (await ask(controller)).code == 0
        before, known = contents(house.tree), list(await told(house))
        if case.updated:
            archive.date = time.time() - DAY
            archive.release("2019112102", fresh="fresh")
        case.corrupt(archive)

        answer = await ask(controller)
        assert answer.code
        assert re.search(case.words, str(answer.answer)), answer.answer
        after = contents(house.tree)
        assert {path: after.get(path) for path in before} == before
        assert strays({path: after[path] for path in after.keys() - before.keys()}, archive) == []
        assert house.told == known
        (report,) = reports(house)
        assert re.search(case.words, report)
        assert re.search(r"\n\n\S.*\n  expected .+\n  found    .+\n", report)

        await is_good_again(controller, house, archive)

    with mirrored(scratch, archive) as house:
        played(house, scene)


@pytest.fixture(scope="module")
def playing(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, keyring: Keyring
) -> Iterator[dict[str, Future[None]]]:
    """Every case that was asked for, several at a time: most of each is waiting for rsync."""
    chosen = [item.callspec.params.get("case") for item in request.session.items if hasattr(item, "callspec")]
    with ProcessPoolExecutor(6, get_context("fork")) as pool:
        yield {
            str(case): pool.submit(refused, case, tmp_path_factory.mktemp("case"), keyring)
            for case in chosen
            if isinstance(case, Case)
        }


@pytest.mark.parametrize("case", CASES, ids=str)
def test_what_does_not_fit_reaches_nobody(playing: dict[str, Future[None]], case: Case) -> None:
    playing[str(case)].result(10 * PATIENCE)  # each of its waits has an end of its own


@pytest.mark.parametrize("lost", ["pool", "."])
def test_what_is_empty_all_at_once_stays_where_it_is(tmp_path: Path, keyring: Keyring, lost: str) -> None:
    """Nothing is newly named, so nothing is missing; but an archive that loses most of itself has lost its disk."""
    archive = signed(tmp_path / "origin", keyring)

    async def scene(controller: Controller) -> None:
        archive.release("2019112101", **{f"more-{number}": str(number) for number in range(20)})
        assert (await ask(controller)).code == 0
        before, known = contents(house.tree), list(await told(house))
        kept = contents(archive.root)
        for path in (archive.root / lost).iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()

        assert (await ask(controller)).code == 0
        assert contents(house.tree) == before
        assert house.told == known
        assert "nothing is deleted" in house.store.archive("debian").note

        for name, data in kept.items():
            if not name.endswith("master"):
                archive.write(name, data)
        (archive.root / "project/trace/master").unlink(missing_ok=True)
        await is_good_again(controller, house, archive)
        assert house.store.archive("debian").note == ""

    with mirrored(tmp_path, archive) as house:
        played(house, scene)


@pytest.mark.parametrize("adopted", [True, False])
def test_published_files_on_another_disk_stay_where_they_are(tmp_path: Path, keyring: Keyring, adopted: bool) -> None:
    """A tree that was there before us, or that was copied, has files that are younger than our last publication."""
    archive = signed(tmp_path / "origin", keyring)

    async def scene(controller: Controller) -> None:
        if not adopted:
            assert (await ask(controller)).code == 0
        shutil.rmtree(house.tree)
        shutil.copytree(archive.root, house.tree, symlinks=True)
        for path in house.tree.glob("dists/s/**/*"):
            os.utime(path, (1_700_000_000, 1_700_000_000))
        before = contents(house.tree)
        archive.date = time.time() - DAY
        archive.release("2019112102", fresh="fresh")
        reindex(archive, archive.stanzas().replace(hashlib.sha256(archive.packages["hello"]).hexdigest(), "0" * 64))
        flip(archive, "pool/fresh.deb")

        answer = await ask(controller)
        assert re.search(r"pool/\w+\.deb: expected", str(answer.answer))
        after = contents(house.tree)
        assert {path: after.get(path) for path in before} == before
        assert "pool/fresh.deb" not in after
        await is_good_again(controller, house, archive)

    with mirrored(tmp_path, archive) as house:
        played(house, scene)


def test_what_stays_broken_is_not_fetched_again_and_again(tmp_path: Path, keyring: Keyring) -> None:
    archive = signed(tmp_path / "origin", keyring)
    size = 1_000_000

    async def scene(controller: Controller) -> None:
        assert (await ask(controller)).code == 0
        archive.date = time.time() - DAY
        archive.release("2019112102", fresh=os.urandom(size // 2).hex())
        good = (archive.root / "pool/fresh.deb").read_bytes()
        flip(archive, "pool/fresh.deb")
        received = []
        for _ in range(2):
            assert re.search(r"pool/fresh\.deb: expected", str((await ask(controller)).answer))
            assert not (house.tree / "pool/fresh.deb").exists()
            last = house.store.last_run("debian")
            assert last
            received.append(last.bytes)
        assert received[0] > size
        assert received[1] < size / 10

        # Mended without another size or time, it is fetched all the same.
        before = (archive.root / "pool/fresh.deb").stat()
        (archive.root / "pool/fresh.deb").write_bytes(good)
        os.utime(archive.root / "pool/fresh.deb", ns=(before.st_mtime_ns, before.st_mtime_ns))
        assert (await ask(controller)).code == 0
        assert (house.tree / "pool/fresh.deb").read_bytes() == good

    with mirrored(tmp_path, archive) as house:
        played(house, scene)
