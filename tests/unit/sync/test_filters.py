"""The rules by their effect: a real rsync decides which paths of a small archive it takes."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

import pytest

from appliance.sync.filters import chosen

PATHS = (
    "dists/s/main/binary-all/Packages.xz",
    "dists/s/main/binary-amd64/Packages.xz",
    "dists/s/main/binary-armhf/Packages.xz",
    "dists/s/main/source/Sources.xz",
    "dists/s/main/Contents-amd64.gz",
    "dists/s/main/Contents-armhf.gz",
    "dists/s/main/installer-armhf/current/boot.img",
    "indices/files/arch-armhf.files",
    "pool/a/a_1_all.deb",
    "pool/a/a_1_amd64.deb",
    "pool/a/a_1_armhf.deb",
    "pool/a/a_1.dsc",
    "pool/a/a_1.orig.tar.xz",
    "obsolete/old.iso",
    "project/trace/master",
)


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    for path in PATHS:
        (tmp_path / "archive" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "archive" / path).write_text(path)
    return tmp_path / "archive"


def left_out(archive: Path, *rules: str) -> set[str]:
    target = Path(tempfile.mkdtemp(dir=archive.parent))
    subprocess.run(["rsync", "-r", *rules, f"{archive}/", f"{target}/"], check=True)
    taken = {str(path.relative_to(target)) for path in target.rglob("*") if path.is_file()}
    return set(PATHS) - taken


def about(*words: str) -> set[str]:
    return {path for path in PATHS if any(word in path for word in words)}


def test_nothing_chosen_everything_taken(archive: Path) -> None:
    assert left_out(archive, *chosen((), (), ())) == set()


def test_exclude_as_in_the_sme_server_document(archive: Path) -> None:
    assert left_out(archive, *chosen(("--exclude=obsolete/",), (), ())) == {"obsolete/old.iso"}
    assert chosen(("obsolete/",), (), ()) == chosen(("--exclude=obsolete/",), (), ())


def test_the_first_rule_that_matches_decides(archive: Path) -> None:
    rules = chosen(("--include=a_1_armhf.deb", "*_armhf.deb"), (), ())
    assert left_out(archive, *rules) == set()


def test_excluded_architectures_go_everything_else_stays(archive: Path) -> None:
    assert left_out(archive, *chosen((), (), ("armhf",))) == about("armhf")
    assert left_out(archive, *chosen((), (), ("armhf", "source"))) == about("armhf", "source/", ".dsc", ".tar.")


def test_included_architectures_stay_with_all_and_no_other(archive: Path) -> None:
    assert left_out(archive, *chosen((), ("amd64",), ())) == about("armhf", "source/", ".dsc", ".tar.")


def test_with_source_its_sources(archive: Path) -> None:
    assert left_out(archive, *chosen((), ("amd64", "source"), ())) == about("armhf")


def test_source_alone_brings_no_package_not_even_all(archive: Path) -> None:
    assert left_out(archive, *chosen((), ("source",), ())) == about("armhf", "amd64", "binary-all", "_all.deb")
