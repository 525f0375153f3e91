from __future__ import annotations

import asyncio
import gzip
import hashlib
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from appliance.sync.audit import Audit, find_roots
from appliance.sync.choice import Choice
from appliance.sync.findings import Report
from appliance.sync.scope import Scope
from appliance.sync.terms import Terms
from tests.unit.rpmtree import RpmTree
from tests.unit.upstream import DebianTree, Keyring

INDEX = "dists/s/main/binary-all/Packages"


@pytest.fixture
def archive(tmp_path: Path) -> DebianTree:
    archive = DebianTree(tmp_path / "tree")
    archive.release(hello="one", world="two")
    return archive


async def nothing() -> None:
    """There is no publication to wait for."""


def looked(
    archive: DebianTree,
    deep: bool = True,
    terms: Terms = Terms(),  # noqa: B008
    promised: tuple[str, ...] = (),
    settled: Callable[[], Awaitable[None]] = nothing,
) -> Report:
    audit = Audit(archive.root, "debian", terms, deep, promised=lambda: promised)
    return asyncio.run(audit.confirmed(settled))


def broken(archive: DebianTree, deep: bool = True) -> list[str]:
    return sorted(looked(archive, deep).misfits)


def hashed(archive: DebianTree, index: str = INDEX) -> str:
    data = (archive.root / index).read_bytes()
    return f"{Path(index).parent}/by-hash/SHA256/{hashlib.sha256(data).hexdigest()}"


def listed(archive: DebianTree, path: str, data: bytes) -> None:
    """Write one more index and list it in the suite."""
    archive.write(f"dists/s/{path}", data)
    archive.write(f"dists/s/{Path(path).parent}/by-hash/SHA256/{hashlib.sha256(data).hexdigest()}", data)
    for name in ("Release", "InRelease"):
        release = archive.root / "dists/s" / name
        release.write_text(f"{release.read_text()} {hashlib.sha256(data).hexdigest()} {len(data)} {path}\n")


def test_an_archive_that_fits(archive: DebianTree) -> None:
    report = looked(archive)
    assert report.misfits == {}
    # InRelease and Release, each with its index; what both list is looked at once.
    assert (report.suites, report.indices, report.files, report.bytes) == (2, 2, 2, 6)


def test_every_kind_of_damage_is_found(archive: DebianTree) -> None:
    archive.release(flipped="abc", cut="abc", gone="abc")
    listed(archive, "main/binary-all/Packages.gz", gzip.compress((archive.root / INDEX).read_bytes()))
    by_hash = hashed(archive)
    archive.write("pool/flipped.deb", b"abd")
    archive.write("pool/cut.deb", b"ab")
    archive.write(f"{INDEX}.gz", b"rotten")
    for path in ("pool/gone.deb", by_hash):
        (archive.root / path).unlink()
    report = looked(archive)
    found = {path: misfit.found for path, misfit in report.misfits.items()}
    digest = hashlib.sha256(b"abd").hexdigest()[:16]
    assert found == {
        "pool/flipped.deb": f"3 bytes, SHA256 {digest}…",
        "pool/cut.deb": "2 bytes",
        "pool/gone.deb": "nothing",
        f"{INDEX}.gz": "6 bytes",
        by_hash: "nothing",
    }
    assert report.misfits["pool/cut.deb"].expected.startswith("3 bytes, SHA256 ")


def test_without_deep_only_sizes_of_payload(archive: DebianTree) -> None:
    archive.write("pool/hello.deb", b"eno")
    assert broken(archive, deep=False) == []
    archive.write("pool/hello.deb", b"on")
    assert broken(archive, deep=False) == ["pool/hello.deb"]


def test_an_index_that_is_here_by_its_by_hash_name_alone(archive: DebianTree) -> None:
    (archive.root / INDEX).unlink()
    archive.write("pool/hello.deb", b"eno")
    assert broken(archive) == [INDEX, "pool/hello.deb"]


def test_a_broken_form_of_an_index_is_not_believed(archive: DebianTree) -> None:
    text = (archive.root / INDEX).read_bytes()
    listed(archive, "main/binary-all/Packages.gz", gzip.compress(text))
    archive.write(INDEX, text.replace(b"pool/hello.deb", b"pool/other.deb"))
    archive.write("pool/world.deb", b"owt")
    assert broken(archive) == [INDEX, "pool/world.deb"]


def test_what_we_chose_not_to_carry_is_not_missing(archive: DebianTree) -> None:
    (archive.root / "pool/hello.deb").unlink()
    assert broken(archive) == ["pool/hello.deb"]
    terms = Terms(excluded=Choice.of(["--exclude=hello*"]).excludes)
    assert looked(archive, terms=terms).misfits == {}


def test_who_does_not_ask_for_all_that_is_named_misses_nothing(archive: DebianTree) -> None:
    (archive.root / "pool/hello.deb").unlink()
    archive.write("pool/world.deb", b"owt")
    assert list(looked(archive, terms=Terms(payload=False)).misfits) == ["pool/world.deb"]


def test_a_signature_that_is_none(tmp_path: Path, keyring: Keyring) -> None:
    archive = DebianTree(tmp_path / "tree", keyring)
    archive.release(hello="one")
    assert looked(archive, terms=Terms(keyring.public)).misfits == {}
    release = archive.root / "dists/s/InRelease"
    release.write_text(release.read_text().replace("Suite: s", "Suite: t"))
    report = looked(archive, terms=Terms(keyring.public))
    assert list(report.misfits) == ["dists/s/InRelease"]
    assert report.files == 1  # named by Release, which is as good


def test_a_root_file_that_is_known_to_have_been_here(archive: DebianTree) -> None:
    (archive.root / "dists/s/InRelease").unlink()
    report = looked(archive, promised=("dists/s/InRelease", "dists/s/Release"))
    assert [(one.path, one.found) for one in report.misfits.values()] == [("dists/s/InRelease", "nothing")]


def test_linked_suites_are_one_and_links_out_of_the_archive_are_not_followed(archive: DebianTree) -> None:
    other = DebianTree(archive.root.parent / "other")
    other.release(hello="one")
    (archive.root / "dists/stable").symlink_to("s")
    (archive.root / "dists/elsewhere").symlink_to(other.root / "dists/s")
    assert find_roots(archive.root, "debian") == ["dists/s/InRelease", "dists/s/Release"]
    assert looked(archive).suites == 2


def test_the_small_release_file_of_a_component_is_no_root(archive: DebianTree) -> None:
    archive.write("dists/s/main/binary-all/Release", b"Archive: s\n")
    assert looked(archive).suites == 2


def test_a_file_that_the_disk_does_not_give(archive: DebianTree, monkeypatch: pytest.MonkeyPatch) -> None:
    before = Path.open

    def fail(path: Path, *words: object, **more: object) -> object:
        if path.name == "hello.deb":
            raise OSError(5, "Input/output error")
        return before(path, *words, **more)  # type: ignore[call-overload]

    monkeypatch.setattr(Path, "open", fail)
    (misfit,) = looked(archive).misfits.values()
    assert misfit.path == "pool/hello.deb"
    assert "Input/output error" in misfit.found


def test_a_publication_meanwhile_is_no_damage(archive: DebianTree) -> None:
    """Between the two looks the index gets what the first one missed."""
    archive.write(INDEX, b"half of a publication")
    archive.write("pool/world.deb", b"rotten")
    (archive.root / "pool/hello.deb").unlink()

    async def published() -> None:
        archive.packages.pop("hello")
        archive.packages["world"] = b"rotten"
        archive.release()

    assert looked(archive, settled=published).misfits == {}


def test_what_a_mended_index_names_is_looked_at(archive: DebianTree) -> None:
    text = (archive.root / INDEX).read_bytes()
    (archive.root / hashed(archive)).unlink()
    archive.write(INDEX, b"rotten")
    archive.write("pool/hello.deb", b"eno")

    async def mended() -> None:
        archive.write(INDEX, text)

    assert "pool/hello.deb" in looked(archive, settled=mended).misfits


def test_some_paths_only(archive: DebianTree) -> None:
    for name in ("hello", "world"):
        archive.write(f"pool/{name}.deb", b"???")
    audit = Audit(archive.root, "debian", Terms(), deep=True)
    report = asyncio.run(
        audit.look(find_roots(archive.root, "debian"), Scope.of(["pool/hello.deb", INDEX], below=False))
    )
    assert list(report.misfits) == ["pool/hello.deb"]


def test_what_is_staged_goes_over_what_is_published(archive: DebianTree, tmp_path: Path) -> None:
    (tmp_path / "staging/pool").mkdir(parents=True)
    (tmp_path / "staging/pool/hello.deb").write_text("eno")
    audit = Audit(archive.root, "debian", Terms(), deep=True, staging=tmp_path / "staging")
    report = asyncio.run(audit.look(find_roots(archive.root, "debian")))
    assert list(report.misfits) == ["pool/hello.deb"]


class Counting:
    """A watch that keeps what it is told."""

    def __init__(self) -> None:
        self.stages: list[tuple[str, int | None, int | None]] = []
        self.bytes = 0

    def begin(self, stage: str, files: int | None = None, bytes: int | None = None) -> None:
        self.stages.append((stage, files, bytes))
        self.bytes = 0

    def done(self, files: int, bytes: int) -> None:
        self.bytes += bytes


def test_the_total_is_known_before_anything_is_measured(archive: DebianTree) -> None:
    watch = Counting()
    audit = Audit(archive.root, "debian", Terms(), deep=True, watch=watch)
    asyncio.run(audit.look(find_roots(archive.root, "debian")))
    assert watch.stages == [("indices", None, None), ("files", None, None), ("content", 2, 6)]
    assert watch.bytes == 6


def test_a_file_that_two_indices_name_is_looked_at_once(archive: DebianTree) -> None:
    listed(archive, "main/binary-amd64/Packages", (archive.root / INDEX).read_bytes())
    assert looked(archive).files == 2


def test_a_path_that_leads_out_is_told_and_not_to_be_fetched(archive: DebianTree) -> None:
    listed(archive, "main/source/Packages", b"Package: x\nFilename: ../x\nSize: 1\n\n")
    (misfit,) = looked(archive).misfits.values()
    assert misfit.found == "one that leads out of it"
    assert not misfit.again


def test_repositories_of_rpms(tmp_path: Path) -> None:
    archive = RpmTree(tmp_path / "tree")
    archive.release("9/os", hello="one", world="two", gone="three")
    archive.release("8/os", hello="old")
    audit = Audit(archive.root, "rpm", Terms(), deep=True)
    assert asyncio.run(audit.confirmed(nothing)).misfits == {}
    archive.write("9/os", "Packages/hello.rpm", b"eno")
    (archive.root / "9/os/Packages/gone.rpm").unlink()
    filelists = str(archive.metadata("filelists", "9/os").relative_to(archive.root))
    (archive.root / filelists).unlink()
    archive.write("8/os", "Packages/hello.rpm", b"shorter")
    report = asyncio.run(audit.confirmed(nothing))
    assert sorted(report.misfits) == sorted(
        ["8/os/Packages/hello.rpm", "9/os/Packages/gone.rpm", "9/os/Packages/hello.rpm", filelists]
    )
    assert all(misfit.again for misfit in report.misfits.values())
    assert (report.suites, report.files) == (2, 4)


def test_a_broken_list_of_packages_is_not_believed(tmp_path: Path) -> None:
    archive = RpmTree(tmp_path / "tree")
    archive.release(hello="one")
    archive.metadata("primary").write_bytes(b"rotten")
    report = asyncio.run(Audit(archive.root, "rpm", Terms(), deep=True).confirmed(nothing))
    assert (len(report.misfits), report.files) == (1, 0)
