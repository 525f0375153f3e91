"""Repositories of RPMs, verified as a run does it: what is staged over what is published."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from appliance.commands import Verdict
from appliance.errors import SyncError
from appliance.sync.profile import Profile
from appliance.sync.rpm import repomd
from appliance.sync.terms import Terms
from appliance.sync.verify import Seal, verify
from appliance.sync.view import View
from tests.unit.rpmtree import PACKERS, RpmTree
from tests.unit.upstream import Keyring

ANY = Terms()


@pytest.fixture
def staged(tmp_path: Path) -> RpmTree:
    archive = RpmTree(tmp_path / "staging")
    archive.release(hello="one", world="two")
    return archive


@pytest.fixture
def update(tmp_path: Path) -> RpmTree:
    """An update as it is when it is verified: one package more, over what is published."""
    RpmTree(tmp_path / "tree").release(hello="one", world="two")
    archive = RpmTree(tmp_path / "staging")
    archive.release(revision=2, hello="one", world="two", third="three")
    for name in ("hello", "world"):
        (archive.root / f"Packages/{name}.rpm").unlink()
    return archive


def check(staged: RpmTree, terms: Terms = ANY) -> Seal:
    view = View(staged.root, staged.root.parent / "tree")
    return asyncio.run(verify(view, Profile("rpm"), terms))


def refused(staged: RpmTree, terms: Terms = ANY) -> SyncError:
    with pytest.raises(SyncError) as caught:
        check(staged, terms)
    return caught.value


def test_what_fits(staged: RpmTree, update: RpmTree) -> None:
    assert check(staged) == Seal(False, {"repodata/repomd.xml": None})
    assert check(update).signed is False


def test_no_repository_at_all(tmp_path: Path) -> None:
    archive = RpmTree(tmp_path / "staging")
    archive.write("", "media.repo", b"[x]\n")
    assert check(archive) == Seal()


@pytest.mark.parametrize("suffix", PACKERS)
@pytest.mark.parametrize("checksum", ["sha", "sha1", "sha256", "sha512", "md5"])
@pytest.mark.parametrize("hashed", [True, False])
def test_every_form_of_metadata(tmp_path: Path, suffix: str, checksum: str, hashed: bool) -> None:
    archive = RpmTree(tmp_path / "staging")
    archive.suffix, archive.checksum, archive.hashed, archive.sizes = suffix, checksum, hashed, checksum != "sha"
    archive.release(hello="one")
    assert check(archive).signed is False
    archive.write("", "Packages/hello.rpm", b"eno")
    name = {"sha": "SHA1"}.get(checksum, checksum.upper())
    assert f"Packages/hello.rpm: expected 3 bytes, {name} " in str(refused(archive))


def test_metadata_that_is_not_the_listed_one(staged: RpmTree) -> None:
    path = staged.metadata("filelists")
    path.write_bytes(b"x" * 9)
    error = refused(staged)
    assert error.verdict is Verdict.MOVED
    assert f"repodata/{path.name}: expected " in error.fact
    assert "found 9 bytes" in error.fact
    assert error.paths == {f"repodata/{path.name}", "repodata/repomd.xml"}


def test_metadata_that_unpacks_to_something_else_than_announced(staged: RpmTree) -> None:
    text = staged.root_of().read_text()
    first = text.index("<open-size>")
    staged.repomd("", text[:first] + "<open-size>5" + text[text.index("</open-size>") :])
    assert "found it unpacks to more than the 5 bytes announced" in refused(staged).fact


def test_zchunk_is_taken_as_it_is(staged: RpmTree) -> None:
    primary = staged.metadata("primary")
    path = staged.metadata("filelists")
    path.rename(path.with_suffix(".zck"))
    staged.repomd("", staged.root_of().read_text().replace(path.name, path.with_suffix(".zck").name))
    assert primary.exists()
    assert check(staged).signed is False


def test_hashed_metadata_that_came_after_the_plan_is_fetched(staged: RpmTree) -> None:
    path = staged.metadata("filelists")
    path.unlink()
    assert refused(staged).missing == {f"repodata/{path.name}"}
    assert check(staged, replace(ANY, excluded=lambda name: "filelists" in name)).signed is False


def test_plain_metadata_that_came_after_the_plan_is_for_the_next_one(tmp_path: Path) -> None:
    archive = RpmTree(tmp_path / "staging")
    archive.hashed = False
    archive.release(hello="one")
    archive.metadata("filelists").unlink()
    error = refused(archive)
    assert error.verdict is Verdict.MOVED
    assert not error.missing
    assert error.paths == {"repodata/repomd.xml"}


def test_a_package_that_is_missing(update: RpmTree) -> None:
    (update.root / "Packages/third.rpm").unlink()
    error = refused(update)
    assert error.missing == {"Packages/third.rpm"}
    assert "Packages/third.rpm: expected 5 bytes, SHA256 " in error.fact
    assert check(update, replace(ANY, excluded=lambda path: path == "Packages/third.rpm")).signed is False
    assert check(update, replace(ANY, payload=False)).signed is False


def test_only_new_packages_are_read(update: RpmTree) -> None:
    """What was named before was checked then: here it is damaged, and nobody looks."""
    (update.root.parent / "tree/Packages/hello.rpm").write_text("eno")
    assert check(update).signed is False
    (update.root / "Packages/third.rpm").write_text("xxxxx")
    assert [one.path for one in refused(update).misfits] == ["Packages/third.rpm"]


def test_a_package_that_is_replaced_under_its_name_is_read(update: RpmTree, tmp_path: Path) -> None:
    shutil.rmtree(update.root)
    update.write("", "Packages/hello.rpm", b"evil")
    error = refused(update)
    assert [(one.path, one.found) for one in error.misfits] == [("Packages/hello.rpm", "4 bytes")]


@pytest.mark.parametrize("href", ["../../etc/passwd", "/etc/passwd", "a/../../../x"])
def test_a_package_that_leads_out(staged: RpmTree, href: str) -> None:
    staged.seal("", 2, staged.primary(staged.package("evil", b"x", href)))
    assert "expected a path within the archive, found one that leads out of it" in refused(staged).fact


def test_packages_beside_the_repository_and_elsewhere(tmp_path: Path) -> None:
    archive = RpmTree(tmp_path / "staging")
    archive.write("noarch", "a.rpm", b"a")
    archive.write("", "b.rpm", b"b")
    listed = [
        archive.package("a", b"a", "../noarch/a.rpm"), archive.package("b", b"b", "b.rpm", base=".."),
        archive.package("c", b"c", "c.rpm", base="https://example.org/"),
    ]  # fmt: skip
    archive.seal("x86_64", 1, archive.primary(*listed))
    assert check(archive).valid_until == {"x86_64/repodata/repomd.xml": None}
    archive.write("", "b.rpm", b"x")
    assert [one.path for one in refused(archive).misfits] == ["b.rpm"]


def test_many_repositories_each_for_itself(staged: RpmTree) -> None:
    for directory in ("deep/er/os", "sub"):
        staged.release(directory, hello="one")
    assert list(check(staged).valid_until) == [
        "repodata/repomd.xml", "deep/er/os/repodata/repomd.xml", "sub/repodata/repomd.xml",
    ]  # fmt: skip
    staged.write("sub", "Packages/hello.rpm", b"eno")
    assert [one.path for one in refused(staged).misfits] == ["sub/Packages/hello.rpm"]


def test_a_repository_of_which_nothing_is_staged_is_left_alone(update: RpmTree) -> None:
    RpmTree(update.root.parent / "tree").release("other", hello="one")
    (update.root.parent / "tree/other/repodata/repomd.xml").write_text("damaged")
    assert list(check(update).valid_until) == ["repodata/repomd.xml"]


def test_plain_metadata_without_its_repomd_xml_is_held_against_the_published_one(tmp_path: Path) -> None:
    published = RpmTree(tmp_path / "tree")
    published.hashed = False
    published.release(hello="one")
    staged = RpmTree(tmp_path / "staging")
    staged.write("", "repodata/primary.xml.gz", b"from the next release")
    assert "repodata/primary.xml.gz: expected " in refused(staged).fact


@pytest.mark.parametrize("revisions", [(5, 4), ("8.2.2004", "8.2.2004")])
def test_a_repository_does_not_go_back(tmp_path: Path, revisions: tuple[int | str, int | str]) -> None:
    published, staged = RpmTree(tmp_path / "tree"), RpmTree(tmp_path / "staging")
    published.release("", revisions[0], hello="one")
    staged.release("", revisions[1], hello="two")
    staged.repomd("", staged.root_of().read_text().replace("<timestamp>7<", "<timestamp>6<"))
    error = refused(staged)
    assert error.verdict is Verdict.REFUSED
    assert "repodata/repomd.xml: expected nothing older than" in error.fact
    assert "--allow-rollback" in error.cure
    assert check(staged, replace(ANY, rollback=True)).signed is False


def empty(archive: RpmTree) -> None:
    archive.root_of().write_text("")


def huge(archive: RpmTree) -> None:
    with archive.root_of().open("r+b") as file:
        file.truncate(repomd.LARGEST + 1)


def bomb(archive: RpmTree) -> None:
    archive.root_of().write_text('<!DOCTYPE x [<!ENTITY a "aaa"><!ENTITY b "&a;&a;">]><repomd>&b;</repomd>')


def outside(archive: RpmTree) -> None:
    archive.root_of().write_text(archive.root_of().read_text().replace('href="repodata', 'href="../repodata'))


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        (empty, "it is not well-formed"), (huge, f"it has {repomd.LARGEST + 1} bytes"),
        (bomb, "it declares a document type"), (outside, "leads out of the archive"),
    ],
)  # fmt: skip
def test_a_repomd_xml_that_is_none(staged: RpmTree, damage: Callable[[RpmTree], None], complaint: str) -> None:
    damage(staged)
    error = refused(staged)
    assert complaint in error.fact
    assert error.verdict is Verdict.MOVED


def test_a_list_of_packages_that_is_a_bomb(staged: RpmTree) -> None:
    staged.seal("", 2, '<!DOCTYPE x [<!ENTITY a "aaa">]><metadata>&a;</metadata>')
    assert "found it declares a document type" in refused(staged).fact


def test_a_signed_repository(tmp_path: Path, keyring: Keyring) -> None:
    archive = RpmTree(tmp_path / "staging", keyring)
    archive.release(hello="one")
    assert check(archive, Terms(keyring.public)).signed is True


def test_every_repository_must_be_signed(tmp_path: Path, keyring: Keyring) -> None:
    archive = RpmTree(tmp_path / "staging", keyring)
    archive.release(hello="one")
    archive.release("sub", hello="one")
    (archive.root / "sub/repodata/repomd.xml.asc").unlink()
    error = refused(archive, Terms(keyring.public))
    assert error.verdict is Verdict.REFUSED
    assert "expected a signature, sub/repodata/repomd.xml.asc beside it, found none" in error.fact


def test_a_key_nobody_trusts(tmp_path: Path, keyring: Keyring) -> None:
    with tempfile.TemporaryDirectory(prefix="gpg") as scratch:
        other = Keyring(Path(scratch, "b"))
        archive = RpmTree(tmp_path / "staging", other)
        archive.release(hello="one")
        other.close()
    error = refused(archive, Terms(keyring.public))
    assert "repodata/repomd.xml is not signed by a key of" in error.fact
    assert error.verdict is Verdict.REFUSED


def test_a_new_repomd_xml_beside_its_old_signature_asks_for_both_again(tmp_path: Path, keyring: Keyring) -> None:
    archive = RpmTree(tmp_path / "staging", keyring)
    archive.release(hello="one")
    root = archive.root_of()
    root.write_text(root.read_text() + "<!-- newer -->")
    error = refused(archive, Terms(keyring.public))
    assert error.verdict is Verdict.MOVED
    assert error.paths == {"repodata/repomd.xml", "repodata/repomd.xml.asc"}
