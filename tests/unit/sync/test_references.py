from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from appliance.errors import Misfit
from appliance.sync.debian.indices import Index, bases_of
from appliance.sync.entry import Reference
from appliance.sync.references import Payload
from appliance.sync.view import View
from tests.unit.upstream import DebianTree

PACKAGES = "dists/s/main/binary-all/Packages"


@pytest.fixture
def archive(tmp_path: Path) -> DebianTree:
    archive = DebianTree(tmp_path / "tree")
    archive.release(hello="one", world="two")
    return archive


def misfits(archive: DebianTree, old: Index | None = None, excluded: tuple[str, ...] = ()) -> list[Misfit]:
    payload = Payload(View(archive.root.parent / "staging", archive.root), lambda path: path in excluded)
    return asyncio.run(payload.misfits(("",), Index(PACKAGES, archive.root / PACKAGES), old))


def test_everything_is_there(archive: DebianTree) -> None:
    assert misfits(archive) == []


def test_another_content_of_the_same_size(archive: DebianTree) -> None:
    archive.write("pool/hello.deb", b"eno")
    (found,) = misfits(archive)
    assert found.path == "pool/hello.deb"
    assert found.expected.startswith("3 bytes, SHA256 ")
    assert found.found.startswith("3 bytes, SHA256 ")
    assert not found.missing


def test_another_size(archive: DebianTree) -> None:
    archive.write("pool/hello.deb", b"")
    assert [(one.path, one.found) for one in misfits(archive)] == [("pool/hello.deb", "0 bytes")]


def test_what_is_missing_and_what_we_chose_not_to_carry(archive: DebianTree) -> None:
    for name in ("hello", "world"):
        (archive.root / f"pool/{name}.deb").unlink()
    (found,) = misfits(archive, excluded=("pool/world.deb",))
    assert (found.path, found.found, found.missing) == ("pool/hello.deb", "nothing", True)


def test_what_was_named_before_is_not_read_again(archive: DebianTree, tmp_path: Path) -> None:
    old = tmp_path / "old"
    old.write_bytes((archive.root / PACKAGES).read_bytes())
    (archive.root / "pool/hello.deb").write_text("rotten")
    archive.packages["new"] = b"three"
    stanza = archive._stanza("new", b"three")
    archive.write(PACKAGES, old.read_bytes() + stanza.encode())
    assert [one.path for one in misfits(archive, Index(PACKAGES, old))] == ["pool/new.deb"]


def test_a_published_index_that_is_broken_vouches_for_nothing(archive: DebianTree, tmp_path: Path) -> None:
    (tmp_path / "old").write_text("Package: what\n")
    (archive.root / "pool/hello.deb").unlink()
    assert [one.path for one in misfits(archive, Index(PACKAGES, tmp_path / "old"))] == ["pool/hello.deb"]


@pytest.mark.parametrize("path", ["../../etc/passwd", "/etc/passwd", "pool/../../x", "pool/\0"])
def test_a_path_that_leads_out(archive: DebianTree, path: str) -> None:
    archive.write(PACKAGES, f"Package: x\nFilename: {path}\nSize: 1\nSHA256: {'0' * 64}\n".encode())
    (found,) = misfits(archive)
    assert found.found == "one that leads out of it"


def test_an_index_that_cannot_be_read(archive: DebianTree) -> None:
    archive.write(PACKAGES, b"Package: x\nSize: 1\n")
    assert misfits(archive) == [Misfit(PACKAGES, "an index that can be read", "the stanza of x has no Filename")]


def test_a_flat_suite_names_files_from_where_it_is_or_from_above(tmp_path: Path) -> None:
    for name in ("deep/flat/a.deb", "deep/b.deb"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    (tmp_path / "deep/flat/Packages").write_text(
        "Package: a\nFilename: ./a.deb\nSize: 1\n\nPackage: b\nFilename: b.deb\nSize: 1\n"
    )
    payload = Payload(View(tmp_path / "none", tmp_path), lambda path: False)
    index = Index("deep/flat/Packages", tmp_path / "deep/flat/Packages")
    assert asyncio.run(payload.misfits(bases_of("deep/flat"), index, None)) == []


def test_two_flat_suites_with_a_file_of_one_name(tmp_path: Path) -> None:
    payload = Payload(View(tmp_path / "none", tmp_path), lambda path: False)
    for name, text in (("a", "x"), ("b", "y")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "x.deb").write_text(text)
        stanza = "Package: x\nFilename: ./x.deb\nSize: 1\nSHA256: " + hashlib.sha256(b"x").hexdigest()
        (tmp_path / name / "Packages").write_text(stanza)
    found = {
        name: asyncio.run(payload.misfits((name,), Index(f"{name}/Packages", tmp_path / name / "Packages"), None))
        for name in ("a", "b")
    }
    assert found["a"] == []
    assert [one.path for one in found["b"]] == ["b/x.deb"]


def test_a_file_that_is_replaced_is_looked_at_although_its_index_is_the_same(archive: DebianTree) -> None:
    replaced = archive.root.parent / "staging/pool/hello.deb"
    replaced.parent.mkdir(parents=True)
    replaced.write_text("evil")
    same = Index(PACKAGES, archive.root / PACKAGES)
    view = View(archive.root.parent / "staging", archive.root)
    payload = Payload(view, lambda path: False, touched=frozenset(["pool/hello.deb"]))
    assert [one.path for one in asyncio.run(payload.misfits(("",), same, same))] == ["pool/hello.deb"]


def test_what_we_chose_not_to_carry_wherever_a_flat_suite_begins(archive: DebianTree) -> None:
    (archive.root / "pool/world.deb").unlink()
    payload = Payload(View(archive.root.parent / "staging", archive.root), lambda path: path == "pool/world.deb")
    index = Index("flat/Packages", archive.root / PACKAGES)
    assert asyncio.run(payload.misfits(bases_of("flat"), index, None)) == []


@dataclass(frozen=True)
class Counted:
    """An index that knows how often it was read."""

    index: Index
    readings: list[str] = field(compare=False)

    @property
    def path(self) -> str:
        return self.index.path

    def references(self) -> Iterator[Reference]:
        self.readings.append(self.path)
        return self.index.references()


def test_an_index_that_two_release_files_list_is_read_once_when_it_fits(archive: DebianTree) -> None:
    payload = Payload(View(archive.root.parent / "staging", archive.root), lambda path: False)
    new = Counted(Index(PACKAGES, archive.root / PACKAGES), [])
    for _ in range(2):
        assert asyncio.run(payload.misfits(("",), new, None)) == []
    assert new.readings == [PACKAGES]
    bad = Counted(Index(PACKAGES, archive.root / "none"), [])
    for _ in range(2):
        assert asyncio.run(payload.misfits(("",), bad, new)) != []
    assert bad.readings == [PACKAGES] * 2
