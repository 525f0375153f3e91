from __future__ import annotations

import os
from pathlib import Path

import pytest

from appliance.sync import publish
from appliance.sync.profile import Profile

DEBIAN = Profile("debian")


@pytest.fixture
def index(tmp_path: Path) -> Path:
    root = tmp_path / "index"
    for path in ("dists/s/InRelease", "dists/s/main/Packages", "project/trace/origin"):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(f"new {path}")
    (root / "project/trace/master").symlink_to("origin")
    return root


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "tree/dists/s").mkdir(parents=True)
    (tmp_path / "tree/dists/s/InRelease").write_text("old")
    return tmp_path / "tree"


def test_everything_staged_becomes_visible_in_order(index: Path, tree: Path) -> None:
    names = publish.publish(index, tree, DEBIAN)
    assert names == ["dists/s/main/Packages", "dists/s/InRelease", "project/trace/origin", "project/trace/master"]
    assert (tree / "dists/s/InRelease").read_text() == "new dists/s/InRelease"
    assert os.readlink(tree / "project/trace/master") == "origin"
    assert not index.exists()


@pytest.mark.parametrize("renames", range(5))
def test_a_crash_at_any_rename_is_finished_by_the_next_call(
    index: Path, tree: Path, renames: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = 0
    replace = os.replace

    def crash(new: Path, old: Path) -> None:
        nonlocal done
        if done == renames:
            raise KeyboardInterrupt
        done += 1
        replace(new, old)

    monkeypatch.setattr(os, "replace", crash)
    try:
        publish.publish(index, tree, DEBIAN)
    except KeyboardInterrupt:
        monkeypatch.undo()
        publish.publish(index, tree, DEBIAN)
    assert (tree / "dists/s/InRelease").read_text() == "new dists/s/InRelease"
    assert os.readlink(tree / "project/trace/master") == "origin"
    assert not index.exists()


def test_a_directory_that_became_a_link(index: Path, tree: Path) -> None:
    (tree / "dists/stable/main").mkdir(parents=True)
    (index / "dists/stable").symlink_to("s")
    publish.publish(index, tree, DEBIAN)
    assert os.readlink(tree / "dists/stable") == "s"


def test_a_link_that_became_a_directory_is_not_written_through(index: Path, tree: Path) -> None:
    (tree / "dists/s/main").symlink_to("../elsewhere")
    (tree / "dists/elsewhere").mkdir()
    publish.publish(index, tree, DEBIAN)
    assert not (tree / "dists/s/main").is_symlink()
    assert (tree / "dists/s/main/Packages").read_text() == "new dists/s/main/Packages"
    assert list((tree / "dists/elsewhere").iterdir()) == []


def test_nothing_staged(tmp_path: Path, tree: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert publish.publish(tmp_path / "empty", tree, DEBIAN) == []
    assert publish.publish(tmp_path / "never", tree, DEBIAN) == []
    assert publish.publish(tmp_path / "nor/this", tree, DEBIAN) == []
