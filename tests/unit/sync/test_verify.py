from __future__ import annotations

import asyncio
import gzip
import hashlib
import shutil
import tempfile
from pathlib import Path

import pytest

from appliance.commands import Verdict
from appliance.errors import SyncError
from appliance.sync.debian.release import parse
from appliance.sync.profile import Profile
from appliance.sync.terms import Terms
from appliance.sync.verify import verify
from appliance.sync.view import View
from tests.unit.upstream import DebianTree, Keyring


@pytest.fixture
def staged(tmp_path: Path, keyring: Keyring) -> DebianTree:
    archive = DebianTree(tmp_path / "staging", keyring)
    archive.release(hello="one")
    return archive


def check(staged: DebianTree, keyring: Path | None) -> bool | None:
    return inspect(View(staged.root, staged.root.parent / "tree"), keyring)


def inspect(view: View, keyring: Path | None = None) -> bool | None:
    return asyncio.run(verify(view, Profile("debian"), Terms(keyring))).signed


def test_a_signed_archive(staged: DebianTree, keyring: Keyring) -> None:
    assert check(staged, keyring.public) is True


def test_without_a_keyring_hashes_only(staged: DebianTree) -> None:
    assert check(staged, None) is False


def test_no_suite_at_all(tmp_path: Path) -> None:
    (tmp_path / "staging").mkdir()
    assert inspect(View(tmp_path / "staging", tmp_path / "tree")) is None


def test_a_key_nobody_trusts(staged: DebianTree) -> None:
    with tempfile.TemporaryDirectory(prefix="gpg") as scratch:
        other = Keyring(Path(scratch, "b"))
        with pytest.raises(SyncError, match="not signed by a key of"):
            check(staged, other.public)
        other.close()


def test_text_that_was_changed_after_signing(staged: DebianTree, keyring: Keyring) -> None:
    path = staged.root / "dists/s/InRelease"
    path.write_text(path.read_text().replace("Suite: s", "Suite: t"))
    with pytest.raises(SyncError, match="InRelease"):
        check(staged, keyring.public)


def test_a_release_file_without_signature(staged: DebianTree, keyring: Keyring) -> None:
    for name in ("InRelease", "Release.gpg"):
        (staged.root / "dists/s" / name).unlink()
    with pytest.raises(SyncError, match=r"expected a signature.*found none"):
        check(staged, keyring.public)


def test_an_index_that_is_not_the_listed_one(staged: DebianTree, keyring: Keyring) -> None:
    staged.write("dists/s/main/binary-all/Packages", b"Package: evil\n")
    with pytest.raises(SyncError, match=r"Packages: expected \d+ bytes.*found 14 bytes") as caught:
        check(staged, keyring.public)
    assert caught.value.verdict is Verdict.MOVED


def test_an_index_without_its_release_file_is_held_against_the_published_one(tmp_path: Path) -> None:
    published = DebianTree(tmp_path / "tree")
    published.release(hello="one")
    (tmp_path / "staging/dists/s/main/binary-all").mkdir(parents=True)
    (tmp_path / "staging/dists/s/main/binary-all/Packages").write_text("from the next release")
    with pytest.raises(SyncError, match="Packages"):
        inspect(View(tmp_path / "staging", tmp_path / "tree"))


def test_a_release_that_lists_an_index_we_hold_only_in_its_old_state(tmp_path: Path) -> None:
    published = DebianTree(tmp_path / "tree")
    published.release(hello="one")
    staged = DebianTree(tmp_path / "staging")
    staged.release(hello="two")
    (staged.root / "dists/s/main/binary-all/Packages").unlink()
    with pytest.raises(SyncError, match="Packages"):
        check(staged, None)


def test_a_missing_by_hash_name(tmp_path: Path) -> None:
    staged = DebianTree(tmp_path / "staging")
    staged.release(hello="two")
    DebianTree(tmp_path / "tree").release(hello="one")
    for path in (staged.root / "dists/s/main/binary-all/by-hash/SHA256").iterdir():
        path.unlink()
    with pytest.raises(SyncError, match="by-hash"):
        check(staged, None)
    # Not missed by who gave up by-hash names, although the old ones are still here for a day.
    view = View(staged.root, tmp_path / "tree")
    terms = Terms(excluded=lambda path: "by-hash" in path)
    assert asyncio.run(verify(view, Profile("debian"), terms)).signed is False


def test_not_every_archive_has_by_hash_names_for_all_of_its_files(tmp_path: Path) -> None:
    """As aptly has none for files it was given beside others; not the first time, and not in an update."""
    for root in ("tree", "staging"):
        archive = DebianTree(tmp_path / root)
        archive.release(hello=root)
        archive.write("dists/s/main/binary-all/Release", root.encode())
        archive.list("main/binary-all/Release", root.encode())
        archive.seal()
    assert inspect(View(tmp_path / "staging", tmp_path / "tree")) is False
    (tmp_path / "first/dists/s/main/binary-all/by-hash/SHA256").mkdir(parents=True)
    (tmp_path / "staging/pool").rename(tmp_path / "first/pool")
    assert inspect(View(tmp_path / "staging", tmp_path / "first")) is False


def test_an_index_we_chose_not_to_carry_is_not_missing(staged: DebianTree, keyring: Keyring) -> None:
    (staged.root / "dists/s/main/binary-all/Packages").unlink()
    assert check(staged, keyring.public) is True


def test_entries_of_nothing() -> None:
    assert parse("Suite: s\n").entries == {}


@pytest.mark.parametrize("path", ["../../etc/passwd", "/etc/passwd", "main/../../../x"])
def test_a_listed_path_that_leaves_the_suite(staged: DebianTree, path: str) -> None:
    release = staged.root / "dists/s/InRelease"
    release.write_text(f"Suite: s\nSHA256:\n {'0' * 64} 5 {path}\n")
    with pytest.raises(SyncError, match="leads out of the suite"):
        check(staged, None)


@pytest.mark.parametrize("text", ["SHA256:\n abc", "SHA256:\n abc five main/Packages\n"])
def test_a_release_file_that_is_cut_off_asks_for_a_new_plan(staged: DebianTree, text: str) -> None:
    (staged.root / "dists/s/InRelease").write_text(f"Suite: s\n{text}")
    with pytest.raises(SyncError) as caught:
        check(staged, None)
    assert caught.value.verdict is Verdict.MOVED


def test_a_new_release_beside_its_old_signature_asks_for_a_new_plan(staged: DebianTree, keyring: Keyring) -> None:
    (staged.root / "dists/s/InRelease").unlink()
    release = staged.root / "dists/s/Release"
    release.write_text(f"{release.read_text()}Description: newer\n")
    with pytest.raises(SyncError) as caught:
        check(staged, keyring.public)
    assert caught.value.verdict is Verdict.MOVED


def test_the_small_release_file_of_a_component_is_an_ordinary_index(staged: DebianTree, keyring: Keyring) -> None:
    staged.write("dists/s/main/binary-all/Release", b"Archive: s\nComponent: main\n")
    assert check(staged, keyring.public) is True
    staged.write("dists/s/main/binary-all/Packages", b"Package: evil\n")
    with pytest.raises(SyncError, match="Packages: expected"):
        check(staged, keyring.public)


def test_a_form_of_an_index_that_the_upstream_has_no_more_is_not_measured(tmp_path: Path) -> None:
    DebianTree(tmp_path / "tree").release(hello="one")
    staged = DebianTree(tmp_path / "staging")
    staged.release(hello="a second one")
    path = "dists/s/main/binary-all/Packages"
    packed = gzip.compress((staged.root / path).read_bytes())
    staged.write(f"{path}.gz", packed)
    staged.write("dists/s/main/binary-all/by-hash/SHA256/" + hashlib.sha256(packed).hexdigest(), packed)
    for name in ("Release", "InRelease"):
        release = staged.root / "dists/s" / name
        release.write_text(
            f"{release.read_text()} {hashlib.sha256(packed).hexdigest()} {len(packed)} main/binary-all/Packages.gz\n"
        )
    (staged.root / path).unlink()
    view = View(staged.root, tmp_path / "tree", frozenset([path]))
    assert inspect(view) is False


def test_an_index_of_which_the_upstream_has_no_form_any_more(tmp_path: Path) -> None:
    DebianTree(tmp_path / "tree").release(hello="one")
    staged = DebianTree(tmp_path / "staging")
    staged.release(hello="a second one")
    path = "dists/s/main/binary-all/Packages"
    (staged.root / path).unlink()
    with pytest.raises(SyncError, match="expected an index, as listed, found nothing"):
        inspect(View(staged.root, tmp_path / "tree", frozenset([path])))


def test_an_index_that_is_a_link_to_its_by_hash_name(tmp_path: Path) -> None:
    for root in ("tree", "staging"):
        archive = DebianTree(tmp_path / root)
        archive.release(hello="one" if root == "tree" else "a second one")
        index = tmp_path / root / "dists/s/main/binary-all"
        (newest,) = (index / "by-hash/SHA256").iterdir()
        (index / "Packages").unlink()
        (index / "Packages").symlink_to(f"by-hash/SHA256/{newest.name}")
    # The new by-hash file is payload: it is in the tree already.
    newest.rename(tmp_path / "tree/dists/s/main/binary-all/by-hash/SHA256" / newest.name)
    assert inspect(View(tmp_path / "staging", tmp_path / "tree")) is False


def test_an_upstream_that_gave_up_by_hash(tmp_path: Path) -> None:
    DebianTree(tmp_path / "tree").release(hello="one")
    staged = DebianTree(tmp_path / "staging")
    staged.release(hello="a second one")
    for path in (staged.root / "dists/s/main/binary-all/by-hash/SHA256").iterdir():
        path.unlink()
    release = staged.root / "dists/s/InRelease"
    for name in ("InRelease", "Release"):
        path = release.with_name(name)
        path.write_text(path.read_text().replace("Acquire-By-Hash: yes\n", ""))
    assert check(staged, None) is False


def test_a_release_file_without_sums_vouches_for_nothing(staged: DebianTree) -> None:
    for name in ("Release", "InRelease"):
        (staged.root / "dists/s" / name).write_text("Suite: s\nMD5Sum:\n")
    with pytest.raises(SyncError, match="expected a list of SHA256 sums, found none") as caught:
        check(staged, None)
    assert caught.value.verdict is Verdict.REFUSED


def test_a_release_that_is_half_written_asks_for_a_new_plan(staged: DebianTree, keyring: Keyring) -> None:
    for text in (b"", (staged.root / "dists/s/Release").read_bytes()):
        staged.write("dists/s/InRelease", text)
        with pytest.raises(SyncError) as caught:
            check(staged, keyring.public)
        assert caught.value.verdict is Verdict.MOVED


def test_published_payload_that_comes_as_another_file(tmp_path: Path) -> None:
    DebianTree(tmp_path / "tree").release(hello="one")
    roots = ("dists/s/InRelease", "dists/s/Release")
    (tmp_path / "staging/pool").mkdir(parents=True)
    (tmp_path / "staging/pool/hello.deb").write_text("two")
    view = View(tmp_path / "staging", tmp_path / "tree")
    with pytest.raises(SyncError, match=r"pool/hello\.deb: expected 3 bytes.*, found 3 bytes"):
        asyncio.run(verify(view, Profile("debian"), Terms(roots=roots)))
    (tmp_path / "staging/pool/hello.deb").write_text("one")
    assert asyncio.run(verify(view, Profile("debian"), Terms(roots=roots))).signed is False


def test_a_directory_that_becomes_a_file_takes_what_is_in_it_along(tmp_path: Path) -> None:
    DebianTree(tmp_path / "tree").release(hello="one")
    (tmp_path / "staging").mkdir()
    (tmp_path / "staging/pool").write_text("no directory")
    with pytest.raises(SyncError, match=r"pool/hello\.deb: expected 3 bytes.*, found nothing"):
        asyncio.run(
            verify(
                View(tmp_path / "staging", tmp_path / "tree"), Profile("debian"), Terms(roots=("dists/s/InRelease",))
            )
        )


@pytest.mark.parametrize(("ours", "theirs"), [("2026010102", "9" * 5000), ("9" * 5000, "2026010102"), ("9" * 20, "1")])
def test_a_serial_that_nobody_counts_by_is_none(staged: DebianTree, ours: str, theirs: str) -> None:
    staged.trace(theirs)
    view = View(staged.root, staged.root.parent / "tree")
    assert asyncio.run(verify(view, Profile("debian"), Terms(serial=ours))).signed is False


def test_a_suite_of_which_no_index_has_come_yet(staged: DebianTree) -> None:
    shutil.rmtree(staged.root / "dists/s/main")
    with pytest.raises(SyncError, match="this index or another one that is listed, found none"):
        check(staged, None)


def test_a_serial_of_a_day_to_come_bars_nothing(staged: DebianTree) -> None:
    staged.trace("2019010101")
    view = View(staged.root, staged.root.parent / "tree")
    with pytest.raises(SyncError, match="no serial before 2019112101"):
        asyncio.run(verify(view, Profile("debian"), Terms(serial="2019112101")))
    assert asyncio.run(verify(view, Profile("debian"), Terms(serial="2999010101"))).signed is False
