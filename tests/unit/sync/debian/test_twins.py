from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from appliance.sync.debian import twins
from appliance.sync.debian.release import LARGEST
from appliance.sync.journal.delta import Step

PLACE = "dists/s/main/binary-amd64"
CONTENT = b"Package: hello\n"
DIGEST = hashlib.sha256(CONTENT).hexdigest()
HASHED = f"{PLACE}/by-hash/SHA256/{DIGEST}"
PATH = f"{PLACE}/Packages"
TIME = 1_700_000_000


def test_expected_is_what_has_a_new_file_of_its_size_beside_it() -> None:
    steps = [
        Step("+", PATH, 15, time=TIME),
        Step("+", HASHED, 15, time=5),
        Step("+", f"{PLACE}/Packages.gz", 16, time=6),
        Step("+", f"{PLACE}/linked", 15, other=HASHED),
        Step("+", "dists/s/main/binary-arm64/Packages", 15),
        Step("-", f"{PLACE}/Packages.xz"),
        Step("+", "Packages", 7, time=8),
        Step("+", "by-hash/SHA256/aa", 7),
    ]
    assert twins.expected(steps) == {PATH: TIME, "Packages": 8}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A tree with the by-hash file, and staging with the Release file that lists it."""
    (tmp_path / "tree" / HASHED).parent.mkdir(parents=True)
    (tmp_path / "tree" / HASHED).write_bytes(CONTENT)
    suite = tmp_path / "staging/dists/s"
    suite.mkdir(parents=True)
    (suite / "InRelease").write_text(f"Suite: s\nSHA256:\n {DIGEST}       15 main/binary-amd64/Packages\n")
    return tmp_path


def stage(root: Path) -> set[str]:
    return twins.stage(root / "tree", root / "staging", {PATH: TIME})


def test_the_content_comes_with_the_time_of_the_name(root: Path) -> None:
    assert stage(root) == {PATH}
    staged = root / "staging" / PATH
    assert staged.read_bytes() == CONTENT
    assert staged.stat().st_mtime == TIME
    assert staged.stat().st_ino != (root / "tree" / HASHED).stat().st_ino


def test_a_second_name_of_what_was_staged_before_keeps_its_content(root: Path) -> None:
    staged = root / "staging" / PATH
    staged.parent.mkdir(parents=True)
    staged.write_bytes(b"refused")
    (root / "kept").hardlink_to(staged)
    stage(root)
    assert (root / "kept").read_bytes() == b"refused"


def no_release(root: Path) -> None:
    (root / "staging/dists/s/InRelease").unlink()


def not_listed(root: Path) -> None:
    (root / "staging/dists/s/InRelease").write_text("Suite: s\nSHA256:\n")


def not_held(root: Path) -> None:
    (root / "tree" / HASHED).unlink()


def a_link(root: Path) -> None:
    (root / "tree" / HASHED).replace(root / "aside")
    (root / "tree" / HASHED).symlink_to(root / "aside")


def below_a_link(root: Path) -> None:
    directory = (root / "tree" / HASHED).parent
    directory.rename(root / "aside")
    directory.symlink_to(root / "aside")


def a_directory_in_its_place(root: Path) -> None:
    (root / "staging" / PATH).mkdir(parents=True)


@pytest.mark.parametrize(
    "spoil",
    [no_release, not_listed, not_held, a_link, below_a_link, a_directory_in_its_place],
    ids=lambda f: f.__name__,
)
def test_what_cannot_be_had_so_is_left_to_be_fetched(root: Path, spoil: Callable[[Path], None]) -> None:
    spoil(root)
    assert stage(root) == set()


def test_a_release_file_too_large_to_be_one_lists_nothing(root: Path) -> None:
    with (root / "staging/dists/s/InRelease").open("ab") as file:
        file.truncate(LARGEST + 1)
    assert stage(root) == set()
