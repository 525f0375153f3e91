from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from appliance.sync.journal import scan
from appliance.sync.journal.delta import Step
from appliance.sync.journal.scan import Seen

NAMES = st.lists(st.sampled_from((b"a", b"b", b"a.b", b"a-", b"aa", b"\xff")), min_size=1, max_size=3).map(b"/".join)


@given(st.dictionaries(NAMES, st.sampled_from((b"1", b"2"))), st.dictionaries(NAMES, st.sampled_from((b"1", b"2"))))
def test_the_merge_finds_what_a_comparison_of_all_would(old: dict[bytes, bytes], new: dict[bytes, bytes]) -> None:
    def in_order(all: dict[bytes, bytes]) -> list[Seen]:
        return sorted((Seen(path, facts) for path, facts in all.items()), key=lambda seen: seen.key)

    found = {
        seen.path: (before and before.facts, after and after.facts)
        for before, after in scan.differences(in_order(old), in_order(new))
        for seen in [after or before]
        if seen
    }
    assert found == {
        path: (old.get(path), new.get(path)) for path in old.keys() | new.keys() if old.get(path) != new.get(path)
    }


def changed(tree: Path, scratch: Path) -> list[Step]:
    scan.write(tree, scratch / "new")
    found = scan.steps(scratch / "old", scratch / "new", 100)
    assert found is not None
    os.replace(scratch / "new", scratch / "old")
    return [replace(step, time=0) for step in found]


def test_a_tree_and_what_becomes_of_it(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    (tree / "d/e").mkdir(parents=True)
    for name in ("a", "d/f", "d/e/g"):
        (tree / name).write_text(name)
    assert scan.write(tree, tmp_path / "old") == 5
    assert [seen.path for seen in scan.read(tmp_path / "old")] == [b"a", b"d", b"d/e", b"d/e/g", b"d/f"]
    assert changed(tree, tmp_path) == []
    (tree / "a").unlink()
    (tree / "d/f").write_text("longer than before")
    (tree / "new").mkdir()
    (tree / "new/link").symlink_to("../d/f")
    os.mkfifo(tree / "fifo")
    assert changed(tree, tmp_path) == [
        Step("-", "a"), Step("+", "d/f", 18), Step("d", "new"), Step("l", "new/link", 6, "../d/f"),
    ]  # fmt: skip


def test_a_file_replaced_by_one_of_the_same_size_and_time(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    for name, text in (("f", "one"), ("other", "two")):
        (tree / name).write_text(text)
        os.utime(tree / name, (1, 1))
    scan.write(tree, tmp_path / "old")
    os.replace(tree / "other", tree / "f")
    assert changed(tree, tmp_path) == [Step("-", "other"), Step("+", "f", 3)]


def test_a_new_name_of_an_old_file(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "a").write_text("one")
    scan.write(tree, tmp_path / "old")
    os.link(tree / "a", tree / "b")
    assert changed(tree, tmp_path) == [Step("+", "a", 3), Step("+", "b", 3, other="a")]


def test_names_that_are_no_utf8(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    scan.write(tree, tmp_path / "old")
    Path(os.fsdecode(os.fsencode(tree) + b"/caf\xe9\nx")).touch()
    assert changed(tree, tmp_path) == [Step("+", "caf\udce9\nx")]
