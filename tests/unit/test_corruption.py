"""Ways in which an upstream may be broken or hostile: none of them reaches a reader or a downstream."""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import shutil
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Final

import pytest

from appliance.controller import Controller, new_request
from appliance.records import Request
from appliance.run import change, sealing
from tests.unit.house import House, until
from tests.unit.upstream import INDEX, PACKERS, SOURCES, DebianTree, Keyring, daemon

DAY: Final = 86400.0
SUITE: Final = "dists/s"
PACKAGES: Final = f"{SUITE}/{INDEX}"
DOWNSTREAMS: Final = "fast=ssh://m@fast?push=all slow=ssh://m@slow?push=staged"


@dataclass(frozen=True)
class Case:
    """One way to corrupt an upstream: what is done to it, and what a person must be told."""

    corrupt: Callable[[DebianTree], None]
    words: str
    updated: bool

    def __str__(self) -> str:
        return self.corrupt.__name__


CASES: list[Case] = []


def case(words: str, updated: bool = True) -> Callable[[Callable[[DebianTree], None]], Callable[[DebianTree], None]]:
    """A corruption of an upstream that was just updated, or of one that has nothing new."""

    def take(corrupt: Callable[[DebianTree], None]) -> Callable[[DebianTree], None]:
        CASES.append(Case(corrupt, words, updated))
        return corrupt

    return take


def flip(archive: DebianTree, path: str, times: bool = True) -> None:
    """Change one bit in the middle of a file; size and times stay, the latter only when asked to."""
    file = archive.root / path
    before, data = file.stat(), bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    moment = before.st_mtime_ns if times else before.st_mtime_ns - 7 * 10**9
    os.utime(file, ns=(moment, moment))


def cut(archive: DebianTree, path: str, to: float = 0.5) -> None:
    file = archive.root / path
    os.truncate(file, int(file.stat().st_size * to))


def drop(archive: DebianTree, path: str) -> None:
    (archive.root / path).unlink()


def reindex(archive: DebianTree, text: str) -> None:
    """Replace the index of binary packages by another one, signed."""
    archive.index(INDEX, text)
    archive.seal()


# Payload.


@case(r"pool/fresh\.deb: expected 5 bytes, SHA256 .*, found 5 bytes, SHA256")
def package_with_a_flipped_bit(archive: DebianTree) -> None:
    flip(archive, "pool/fresh.deb")


@case(r"pool/fresh\.deb: expected 5 bytes.*, found 2 bytes")
def package_cut_off(archive: DebianTree) -> None:
    cut(archive, "pool/fresh.deb")


@case(r"pool/fresh\.deb: expected 5 bytes.*, found nothing")
def package_missing(archive: DebianTree) -> None:
    drop(archive, "pool/fresh.deb")


@case(r"pool/fresh\.deb: expected 5 bytes.*, found 0 bytes")
def package_empty(archive: DebianTree) -> None:
    cut(archive, "pool/fresh.deb", 0)


@case(r"pool/fresh\.deb: expected 5 bytes.*, found a directory")
def package_that_is_a_directory(archive: DebianTree) -> None:
    drop(archive, "pool/fresh.deb")
    archive.write("pool/fresh.deb/data", b"fresh")


@case(r"pool/hello\.deb: expected 3 bytes, SHA256 .*, found 3 bytes, SHA256", updated=False)
def published_package_with_a_flipped_bit(archive: DebianTree) -> None:
    flip(archive, "pool/hello.deb", times=False)


@case(r"pool/hello\.deb: expected 3 bytes.*, found 1 bytes", updated=False)
def published_package_cut_off(archive: DebianTree) -> None:
    cut(archive, "pool/hello.deb")


@case(r"pool/hello\.deb: expected 3 bytes.*, found 1 bytes")
def published_package_cut_off_in_an_update(archive: DebianTree) -> None:
    cut(archive, "pool/hello.deb")


@case(r"pool/hello\.dsc: expected 11 bytes.*, found 0 bytes", updated=False)
def published_source_emptied(archive: DebianTree) -> None:
    cut(archive, "pool/hello.dsc", 0)


@case(r"pool/hello\.deb: expected 3 bytes.*, found a directory", updated=False)
def published_package_that_became_a_directory(archive: DebianTree) -> None:
    drop(archive, "pool/hello.deb")
    archive.write("pool/hello.deb/data", b"one")


@case(r"pool/fresh\.dsc: expected 13 bytes.*, found 13 bytes")
def source_of_another_content(archive: DebianTree) -> None:
    flip(archive, "pool/fresh.dsc")


# Indices.


@case(rf"{PACKAGES}: expected \d+ bytes, SHA256 .*, found \d+ bytes, SHA256")
def index_with_a_flipped_bit(archive: DebianTree) -> None:
    flip(archive, PACKAGES)


@case(rf"{PACKAGES}\.gz: expected \d+ bytes, SHA256 .*, found \d+ bytes, SHA256")
def gz_index_with_a_flipped_bit(archive: DebianTree) -> None:
    flip(archive, f"{PACKAGES}.gz")


@case(rf"{PACKAGES}\.xz: expected \d+ bytes, SHA256 .*, found \d+ bytes, SHA256")
def xz_index_with_a_flipped_bit(archive: DebianTree) -> None:
    flip(archive, f"{PACKAGES}.xz")


@case(r"by-hash/SHA256/[0-9a-f]{64}: expected \d+ bytes, SHA256 .*, found \d+ bytes, SHA256")
def by_hash_index_with_a_flipped_bit(archive: DebianTree) -> None:
    flip(archive, f"{SUITE}/{archive.hashed(INDEX)}")


@case(r"by-hash/SHA256/[0-9a-f]{64}: expected \d+ bytes, SHA256 .*, found \d+ bytes, SHA256", updated=False)
def published_by_hash_index_with_a_flipped_bit(archive: DebianTree) -> None:
    flip(archive, f"{SUITE}/{archive.hashed(INDEX)}", times=False)


@case(r"by-hash/SHA256/[0-9a-f]{64}: expected the same as .*Packages, found nothing")
def by_hash_index_missing(archive: DebianTree) -> None:
    drop(archive, f"{SUITE}/{archive.hashed(INDEX)}")


@case(rf"{PACKAGES}: expected \d+ bytes, SHA256 .*, found \d+ bytes")
def index_cut_off(archive: DebianTree) -> None:
    cut(archive, PACKAGES)


@case(rf"{PACKAGES}: expected an index, as listed, found nothing")
def index_missing(archive: DebianTree) -> None:
    for suffix in PACKERS:
        drop(archive, PACKAGES + suffix)


@case(rf"{PACKAGES}: expected .*, found a directory", updated=False)
def published_index_that_became_a_directory(archive: DebianTree) -> None:
    drop(archive, PACKAGES)
    archive.write(f"{PACKAGES}/data", b"Package: evil\n")


@case(rf"{PACKAGES}: expected .*, found a directory")
def index_that_is_a_directory(archive: DebianTree) -> None:
    published_index_that_became_a_directory(archive)


@case(rf"{PACKAGES}: expected .*, found")
def index_that_is_a_link_out_of_the_tree(archive: DebianTree) -> None:
    for suffix in PACKERS:
        drop(archive, PACKAGES + suffix)
        (archive.root / (PACKAGES + suffix)).symlink_to("/etc/passwd")


@case(rf"{PACKAGES}: expected .*, found", updated=False)
def published_index_that_became_a_link_within_the_tree(archive: DebianTree) -> None:
    drop(archive, PACKAGES)
    (archive.root / PACKAGES).symlink_to("../../../../pool/hello.dsc")


@case(rf"{PACKAGES}: expected \d+ bytes.*, found \d+ bytes")
def release_with_another_size_of_an_index(archive: DebianTree) -> None:
    digest, size = archive.entries[INDEX]
    archive.entries[INDEX] = (digest, size + 1)
    archive.seal()


@case(rf"{PACKAGES}: expected \d+ bytes, SHA256 .*, found \d+ bytes")
def index_behind_an_older_release(archive: DebianTree) -> None:
    text, entries = archive.stanzas(), dict(archive.entries)
    archive.index(INDEX, text + text)
    archive.entries = entries


@case(rf"{PACKAGES}.*: expected \d+ bytes, SHA256 .*, found \d+ bytes")
def release_of_another_state_than_inrelease(archive: DebianTree) -> None:
    inline = (archive.root / SUITE / "InRelease").read_bytes()
    reindex(archive, "")
    (archive.root / SUITE / "InRelease").write_bytes(inline)


@case(rf"{PACKAGES}\.gz: expected an index that can be read, found it unpacks to something else than announced")
def gz_index_that_unpacks_to_something_else(archive: DebianTree) -> None:
    _pack(archive, archive.stanzas().swapcase().encode())


@case(rf"{PACKAGES}\.gz: expected an index that can be read, found it unpacks to more than the \d+ bytes announced")
def gz_index_that_is_a_bomb(archive: DebianTree) -> None:
    _pack(archive, b"\n" * (8 << 20))


@case(rf"{PACKAGES}\.gz: expected an index that can be read, found it cannot be unpacked")
def gz_index_that_is_none(archive: DebianTree) -> None:
    _pack(archive, None)


def _pack(archive: DebianTree, content: bytes | None) -> None:
    """Leave the packed form alone, as Debian does; what is in it is as signed, and not the index that is announced."""
    packed = PACKERS[".gz"](content) if content is not None else b"no archive"
    archive.write(f"{PACKAGES}.gz", packed)
    archive.list(f"{INDEX}.gz", packed)
    archive.write(f"{SUITE}/{archive.hashed(f'{INDEX}.gz')}", packed)
    for path in (
        PACKAGES,
        f"{PACKAGES}.xz",
        f"{SUITE}/{archive.hashed(INDEX)}",
        f"{SUITE}/{archive.hashed(f'{INDEX}.xz')}",
    ):
        drop(archive, path)
    archive.seal()


# What a signed index says.


def _stanza(*fields: str) -> str:
    return "".join(f"{field}\n" for field in ("Package: evil", *fields)) + "\n"


@case(r"'\.\./\.\./evil\.deb': expected a path within the archive, found one that leads out of it")
def index_that_names_a_file_above_the_tree(archive: DebianTree) -> None:
    reindex(archive, archive.stanzas() + _stanza("Filename: ../../evil.deb", "Size: 1", f"SHA256: {'0' * 64}"))


@case(r"'/etc/passwd': expected a path within the archive, found one that leads out of it")
def index_that_names_a_file_of_the_system(archive: DebianTree) -> None:
    reindex(archive, archive.stanzas() + _stanza("Filename: /etc/passwd", "Size: 1", f"SHA256: {'0' * 64}"))


@case(r"pool/a{300}: expected 1 bytes.*, found nothing")
def index_that_names_a_file_too_long_for_a_disk(archive: DebianTree) -> None:
    reindex(archive, archive.stanzas() + _stanza(f"Filename: pool/{'a' * 300}", "Size: 1", f"SHA256: {'0' * 64}"))


@case(r"(d/){490}")
def index_that_names_a_file_in_directories_without_end(archive: DebianTree) -> None:
    reindex(archive, archive.stanzas() + _stanza(f"Filename: {'d/' * 490}a", "Size: 1", f"SHA256: {'0' * 64}"))


@case(rf"{PACKAGES}: expected an index that can be read, found the stanza of evil has no Filename")
def index_without_a_filename(archive: DebianTree) -> None:
    reindex(archive, archive.stanzas() + _stanza("Size: 1"))


@case(rf"{PACKAGES}: expected an index that can be read, found the stanza of evil has no Size")
def index_without_a_size(archive: DebianTree) -> None:
    reindex(archive, archive.stanzas() + _stanza("Filename: pool/hello.deb"))


@case(rf"{PACKAGES}: expected an index that can be read, found .*'many'")
def index_with_a_size_that_is_no_number(archive: DebianTree) -> None:
    reindex(archive, archive.stanzas() + _stanza("Filename: pool/hello.deb", "Size: many"))


@case(r"pool/fresh\.dsc: expected 13 bytes, SHA256 0000.*, found 13 bytes, SHA256")
def sources_with_another_hash(archive: DebianTree) -> None:
    file = archive.root / SUITE / SOURCES
    found = hashlib.sha256((archive.root / "pool/fresh.dsc").read_bytes()).hexdigest()
    archive.index(SOURCES, file.read_text().replace(found, "0" * 64))
    archive.seal()


@case(r"InRelease: expected a Release file, found .*'\.\./t/Packages' leads out of the suite")
def release_that_lists_a_file_of_another_suite(archive: DebianTree) -> None:
    archive.list("../t/Packages", b"")
    archive.seal()


# Root files.


@case(rf"{SUITE}/InRelease is not signed by a key of .*archive\.gpg")
def inrelease_with_a_flipped_bit(archive: DebianTree) -> None:
    file = archive.root / SUITE / "InRelease"
    file.write_bytes(file.read_bytes().replace(b"Suite: s", b"Suite: t"))


@case(rf"{SUITE}/Release is not signed by a key of .*archive\.gpg")
def release_with_a_flipped_bit(archive: DebianTree) -> None:
    flip(archive, f"{SUITE}/Release")


@case(rf"{SUITE}/Release is not signed by a key of .*archive\.gpg")
def signature_with_a_flipped_bit(archive: DebianTree) -> None:
    flip(archive, f"{SUITE}/Release.gpg")


@case(rf"{SUITE}/InRelease is not signed by a key of .*archive\.gpg")
def inrelease_cut_off(archive: DebianTree) -> None:
    cut(archive, f"{SUITE}/InRelease")


@case(rf"{SUITE}/InRelease is not signed by a key of .*archive\.gpg")
def inrelease_empty(archive: DebianTree) -> None:
    cut(archive, f"{SUITE}/InRelease", 0)


@case(rf"{SUITE}/InRelease is not signed by a key of .*archive\.gpg")
def inrelease_without_a_signature(archive: DebianTree) -> None:
    shutil.copy(archive.root / SUITE / "Release", archive.root / SUITE / "InRelease")


@case(rf"{SUITE}/Release: expected a signature, {SUITE}/Release\.gpg beside it, found none")
def release_without_its_signature(archive: DebianTree) -> None:
    drop(archive, f"{SUITE}/Release.gpg")


@case(rf"{SUITE}/InRelease is not signed by a key of .*archive\.gpg")
def signature_by_a_stranger(archive: DebianTree) -> None:
    with tempfile.TemporaryDirectory(prefix="gpg") as scratch:
        stranger = Keyring(Path(scratch, "b"))
        stranger.sign(archive.root / SUITE / "Release")
        stranger.close()


@case(rf"{SUITE}/InRelease: expected a date that has come, found one of 20")
def release_of_a_day_to_come(archive: DebianTree) -> None:
    archive.date = time.time() + 2 * DAY
    archive.seal()


@case(rf"{SUITE}/InRelease: expected a Release file that is valid now, found one that expired")
def release_that_expired(archive: DebianTree) -> None:
    archive.valid_until = time.time() - DAY
    archive.seal()


@case(rf"{SUITE}/InRelease: expected a date not before .*, found one of")
def release_of_an_earlier_day(archive: DebianTree) -> None:
    archive.date = time.time() - 3 * DAY
    archive.seal()


@case(r"project/trace/master: expected no serial before 2026112101, which is published, found 2026112007")
def serial_of_an_earlier_day(archive: DebianTree) -> None:
    archive.trace("2026112007")


# The scenes.


@pytest.fixture(scope="module")
def keyring() -> Iterator[Keyring]:
    with tempfile.TemporaryDirectory(prefix="gpg") as scratch:
        keyring = Keyring(Path(scratch, "a"))
        yield keyring
        keyring.close()


def signed(root: Path, keyring: Keyring) -> DebianTree:
    archive = DebianTree(root, keyring, forms=tuple(PACKERS), sources=True)
    archive.date = time.time() - 2 * DAY
    archive.release("2026112101", hello="one", other="two")
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


async def ask(controller: Controller) -> Request:
    request = new_request("debian", "all", "ssh", "hub")
    controller.accept([request])
    async with asyncio.timeout(30):
        return await controller.lanes["debian"].answer(request.id)


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
    archive.release("2026112109", better="better")


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


def played(house: House, scene: Callable[[Controller], Awaitable[None]]) -> None:
    async def play() -> None:
        async with house.open() as controller:
            await scene(controller)

    asyncio.run(play())


def refused(case: Case, scratch: Path, keyring: Keyring) -> None:
    """A good state, the corrupt one, a good one again."""
    archive = signed(scratch / "origin", keyring)

    async def scene(controller: Controller) -> None:
        assert (await ask(controller)).code == 0
        before, known = contents(house.tree), list(await told(house))
        if case.updated:
            archive.date = time.time() - DAY
            archive.release("2026112102", fresh="fresh")
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
    playing[str(case)].result(60)


@pytest.mark.parametrize("lost", ["pool", "."])
def test_what_is_empty_all_at_once_stays_where_it_is(tmp_path: Path, keyring: Keyring, lost: str) -> None:
    """Nothing is newly named, so nothing is missing; but an archive that loses most of itself has lost its disk."""
    archive = signed(tmp_path / "origin", keyring)

    async def scene(controller: Controller) -> None:
        archive.release("2026112101", **{f"more-{number}": str(number) for number in range(20)})
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
        archive.release("2026112102", fresh="fresh")
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
        archive.release("2026112102", fresh=os.urandom(size // 2).hex())
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
