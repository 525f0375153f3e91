from __future__ import annotations

from pathlib import Path

import pytest

from appliance.sync.journal import journal
from appliance.sync.journal.delta import Delta, Step
from appliance.sync.journal.journal import Journal, name_of


@pytest.fixture
def kept(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "journal")


def test_it_begins_with_an_epoch_and_no_delta(kept: Journal) -> None:
    assert kept.head() is None
    head = kept.append([Step("+", "a", 1)], 10)
    assert (head.serial, head.oldest, head.digest, head.paths) == (0, 1, "", 10)
    assert kept.head() == head


def test_a_chain(kept: Journal) -> None:
    kept.begin(10)
    first = kept.append([Step("+", "a", 1)], 11)
    second = kept.append([Step("-", "a")], 10)
    deltas = [Delta.parse((kept.root / "recent" / name_of(serial)).read_bytes()) for serial in (1, 2)]
    assert [delta.previous for delta in deltas] == ["", first.digest]
    assert deltas[1].digest == second.digest
    assert (second.serial, second.oldest, second.paths) == (2, 1, 10)


def test_the_recent_ones_the_older_ones_and_those_that_are_gone(kept: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "RECENT", 2)
    monkeypatch.setattr(journal, "KEPT", 5)
    kept.begin(1)
    for _ in range(9):
        head = kept.append([], 1)
    assert (head.serial, head.oldest) == (9, 5)
    assert sorted(path.name for path in (kept.root / "recent").iterdir()) == [name_of(8), name_of(9)]
    assert sorted(path.name for path in (kept.root / "older").iterdir()) == [name_of(5), name_of(6), name_of(7)]


def test_an_announcement_goes_with_what_it_announced(kept: Journal) -> None:
    kept.begin(1)
    kept.announce([Step("+", "a", 1)])
    assert (kept.root / journal.NEXT).exists()
    kept.announce([])
    assert not (kept.root / journal.NEXT).exists()


def test_a_new_epoch_has_no_past(kept: Journal) -> None:
    before = kept.begin(1)
    kept.append([], 1)
    after = kept.begin(1)
    assert after.epoch != before.epoch
    assert list(kept.root.rglob("*.delta")) == []


def test_a_change_too_large_for_a_delta(kept: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    before = kept.begin(1)
    monkeypatch.setattr(journal, "LARGEST", 100)
    head = kept.append([Step("+", "x" * 200, 1)], 1)
    assert head.epoch != before.epoch


def test_a_head_that_is_broken_begins_anew(kept: Journal) -> None:
    kept.begin(1)
    (kept.root / "HEAD").write_text("rubbish")
    assert kept.append([], 1).serial == 0
