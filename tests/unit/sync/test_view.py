from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from appliance.sync.view import View


@pytest.fixture
def view(tmp_path: Path) -> View:
    for name in ("staging", "tree"):
        (tmp_path / name).mkdir()
    return View(tmp_path / "staging", tmp_path / "tree", frozenset(["gone"]))


def put(root: Path, name: str, text: str = "x") -> None:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(text)


def link(root: Path, name: str, target: str) -> None:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).symlink_to(target)


def test_staging_comes_before_the_tree(view: View) -> None:
    put(view.tree, "a/f", "old")
    assert view.find("a/f") == view.tree / "a/f"
    put(view.staging, "a/f", "new")
    assert View(view.staging, view.tree).find("a/f") == view.staging / "a/f"


def test_what_is_gone_upstream_is_no_part_of_it(view: View) -> None:
    put(view.tree, "gone")
    assert view.find("gone") is None
    put(view.staging, "gone")
    assert view.find("gone") == view.staging / "gone"


def test_a_directory_is_no_file(view: View) -> None:
    (view.tree / "d").mkdir()
    assert view.find("d") is None
    assert view.find("d/f") is None


def test_a_staged_link_to_a_directory_that_is_published(view: View) -> None:
    put(view.tree, "1/sums", "one")
    put(view.tree, "2/sums", "two")
    link(view.tree, "current", "1")
    assert view.find("current/sums") == view.tree / "1/sums"
    link(view.staging, "current", "2")
    staged = View(view.staging, view.tree)
    assert staged.find("current/sums") == view.tree / "2/sums"


def test_a_published_link_to_a_directory_with_staged_files(view: View) -> None:
    put(view.tree, "1/sums", "one")
    link(view.tree, "current", "1")
    put(view.staging, "1/sums", "one, anew")
    assert view.find("current/sums") == view.staging / "1/sums"


@pytest.mark.parametrize("target", ["/etc/passwd", "../../etc/passwd", "nowhere", "loop"])
def test_links_that_lead_nowhere_a_reader_may_go(view: View, target: str) -> None:
    link(view.tree, "loop", target)
    assert view.find("loop") is None
    assert view.find("loop/f") is None


def test_few_directories_are_remembered_and_all_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("appliance.sync.view.KNOWN", 5)
    names = [f"pool/{number}/file" for number in range(40)]
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text("x")
    look = View(tmp_path / "staging", tmp_path)
    with ThreadPoolExecutor(8) as readers:
        assert all(readers.map(look.find, names * 20))
    assert len(look._directories) <= 5 + 8


def test_a_path_that_leads_out_leads_nowhere(view: View) -> None:
    put(view.tree.parent, "other")
    put(view.tree, "a/f")
    assert view.find("a/../../other") is None
    assert view.find("a/../a/f") is None
    put(view.tree, "a/..f")
    assert view.find("a/..f") == view.tree / "a/..f"
