from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from appliance.places import Places
from appliance.run import chronicle as chronicle_module
from appliance.run.chronicle import Chronicle
from appliance.sync.changes import Change, Changes
from appliance.sync.journal import scan
from appliance.sync.journal.delta import Delta, Step
from appliance.sync.journal.journal import Journal, name_of


@pytest.fixture
def places(tmp_path: Path) -> Places:
    places = Places(tmp_path / "run", tmp_path / "state", tmp_path / "data")
    (places.archive("debian") / "project/trace").mkdir(parents=True)
    return places


@pytest.fixture
def tree(places: Places) -> Path:
    return places.archive("debian")


def last(places: Places) -> dict[str, Step]:
    """The steps of the newest delta, without those that are about traces."""
    journal = Journal(places.journal("debian"))
    head = journal.head()
    assert head
    delta = Delta.parse((journal.root / "recent" / name_of(head.serial)).read_bytes())
    assert delta.digest == head.digest
    steps = (replace(step, time=0) for step in delta.steps)
    return {step.path: step for step in steps if not step.path.startswith("project/")}


def test_what_became_of_what_was_noted(places: Places, tree: Path) -> None:
    chronicle = Chronicle(places, "debian", "leaf")
    chronicle.record(5)
    (tree / "pool").mkdir()
    (tree / "pool/a").write_text("one")
    os.link(tree / "pool/a", tree / "pool/b")
    names = [("pool", None), ("pool/a", None), ("pool/b", "pool/a"), ("pool/gone", None), ("pool/c", "pool/a")]
    (tree / "pool/c").write_text("no link after all")
    chronicle.note_changes(Changes.of(Change(path, 3, new=True, leader=leader) for path, leader in names))
    head = Chronicle(places, "debian", "leaf").record(7)
    assert (head.serial, head.paths) == (1, 7)
    assert last(places) == {
        "pool": Step("d", "pool"), "pool/a": Step("+", "pool/a", 3), "pool/b": Step("+", "pool/b", 3, "pool/a"),
        "pool/gone": Step("-", "pool/gone"), "pool/c": Step("+", "pool/c", 17),
    }  # fmt: skip


def test_what_was_recorded_is_not_recorded_again(places: Places, tree: Path) -> None:
    chronicle = Chronicle(places, "debian", "leaf")
    chronicle.record(1)
    (tree / "a").touch()
    chronicle.note([("a", None)])
    chronicle.record(1)
    chronicle.record(1)
    assert last(places) == {}


def test_notes_cut_short_by_a_crash(places: Places, tree: Path) -> None:
    chronicle = Chronicle(places, "debian", "leaf")
    chronicle.record(1)
    (tree / "a").touch()
    chronicle.note([("a", None)])
    with places.notes("debian").open("a") as file:
        file.write('["b", nu')
    chronicle.record(1)
    assert list(last(places)) == ["a"]


def test_our_own_traces_are_part_of_every_publication(places: Places, tree: Path) -> None:
    chronicle = Chronicle(places, "debian", "leaf")
    chronicle.record(1)
    (tree / "project/trace/leaf").write_text("trace")
    chronicle.record(1)
    journal = Journal(places.journal("debian"))
    delta = Delta.parse((journal.root / "recent" / name_of(1)).read_bytes())
    assert Step("+", "project/trace/leaf", 5) in [replace(step, time=0) for step in delta.steps]
    assert Step("-", "project/trace/leaf-stage1") in delta.steps


def test_what_is_doomed_is_told_as_gone_while_it_is_still_here(places: Places, tree: Path) -> None:
    chronicle = Chronicle(places, "debian", "leaf")
    chronicle.record(1)
    for name in ("doomed", "back"):
        (tree / name).touch()
    chronicle.note([("doomed", None), ("back", None), ("b" * 300, None)])
    chronicle.record(1, {"doomed"})
    assert {path: step.op for path, step in last(places).items()} == {"doomed": "-", "back": "+", "b" * 300: "-"}


def test_an_origin_compares_its_tree_with_what_it_was(places: Places, tree: Path) -> None:
    chronicle = Chronicle(places, "debian", "origin")
    (tree / "a").touch()
    assert chronicle.record_scan().serial == 0
    (tree / "b").write_text("new")
    (tree / "a").unlink()
    assert chronicle.record_scan().serial == 1
    assert last(places) == {"a": Step("-", "a"), "b": Step("+", "b", 3)}
    assert chronicle.paths() == 3


def test_notes_behind_some_that_were_cut_short(places: Places, tree: Path) -> None:
    """By a crash, or by a volume that was full: what is noted then is a line of its own."""
    chronicle = Chronicle(places, "debian", "leaf")
    chronicle.record(1)
    for name in ("a", "c"):
        (tree / name).touch()
    chronicle.note([("a", None)])
    with places.notes("debian").open("a") as file:
        file.write('["b", nu')
    chronicle.note([("c", None)])
    chronicle.record(1)
    assert list(last(places)) == ["a", "c"]


def test_what_fails_again_and_again_is_noted_once(places: Places) -> None:
    chronicle, notes = Chronicle(places, "debian", "leaf"), places.notes("debian")
    chronicle.record(1)

    def noted(changes: Changes) -> int:
        chronicle.note_changes(changes)
        return notes.stat().st_size

    few = Changes.of(Change(f"pool/{number}", 1, new=True) for number in range(50))
    assert noted(few) == noted(few) < noted(Changes.of([Change("pool/50", 1, new=True)]))
    many = Changes.of(Change(f"pool/{number}", 1, new=True) for number in range(chronicle_module.MOST + 1))
    assert noted(many) == noted(many) == noted(few)


def test_an_origin_that_changes_more_than_can_be_told_begins_an_epoch(
    places: Places, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as one that was copied to another disk, where every file is another inode."""
    monkeypatch.setattr(chronicle_module, "MOST", 3)
    chronicle = Chronicle(places, "debian", "origin")
    first = chronicle.record_scan()
    for names, serial in (("abc", 1), ("defg", 0)):
        for name in names:
            (tree / name).touch()
        head = chronicle.record_scan()
        assert (head.serial, head.epoch == first.epoch) == (serial, serial > 0)
    assert scan.steps(places.scan("debian"), places.scan("debian"), 0) == []
