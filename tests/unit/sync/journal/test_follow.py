from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from appliance.errors import SyncError
from appliance.records import Mark
from appliance.sync.journal import follow, journal
from appliance.sync.journal.delta import Head, Step
from appliance.sync.journal.follow import Astray
from appliance.sync.journal.journal import Journal, name_of
from appliance.sync.source import Source
from appliance.sync.transport import plain
from tests.unit.upstream import daemon


@pytest.fixture
def theirs(tmp_path: Path) -> Journal:
    theirs = Journal(tmp_path / "theirs")
    theirs.begin(10)
    return theirs


@pytest.fixture
def source(tmp_path: Path, theirs: Journal) -> Iterator[Source]:
    with daemon(tmp_path, {"debian_journal": theirs.root}) as port:
        yield Source(plain(f"rsync://127.0.0.1:{port}/debian_journal"), "leaf")


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def mark_at(head: Head) -> Mark:
    return Mark(head.epoch, head.serial, head.digest)


def follow_from(source: Source, cache: Path, mark: Mark) -> list[Step]:
    async def ask() -> list[Step]:
        return await follow.steps(source, cache, await follow.look(source, cache), mark)

    return asyncio.run(ask())


def test_nothing_new(source: Source, cache: Path, theirs: Journal) -> None:
    head = theirs.append([], 10)
    assert asyncio.run(follow.look(source, cache)) == head
    assert follow_from(source, cache, mark_at(head)) == []


def test_what_changed_since(source: Source, cache: Path, theirs: Journal) -> None:
    mark = mark_at(theirs.append([Step("+", "before", 1)], 10))
    theirs.append([Step("+", "a", 1), Step("+", "b", 2)], 12)
    theirs.append([Step("-", "a")], 11)
    assert follow_from(source, cache, mark) == [Step("-", "a"), Step("+", "b", 2)]


def test_who_was_away_for_long_asks_for_the_older_ones(
    source: Source, cache: Path, theirs: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "RECENT", 2)
    mark = mark_at(theirs.append([], 1))
    for number in range(6):
        theirs.append([Step("+", str(number), 1)], 1)
    assert [step.path for step in follow_from(source, cache, mark)] == list("012345")


def test_two_heads_of_one_second_and_one_size(source: Source, cache: Path, theirs: Journal) -> None:
    for serial in (1, 2, 3):
        theirs.append([], 10)
        os.utime(theirs.root / "HEAD", (1, 1))
        assert asyncio.run(follow.look(source, cache)).serial == serial


def test_a_journal_that_forgot(source: Source, cache: Path, theirs: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "KEPT", 2)
    mark = mark_at(theirs.append([], 1))
    for _ in range(5):
        theirs.append([], 1)
    with pytest.raises(Astray, match="begins at 5, and we are at 1"):
        follow_from(source, cache, mark)


def test_a_journal_that_claims_to_be_far_ahead_costs_nothing(source: Source, cache: Path, theirs: Journal) -> None:
    mark = mark_at(theirs.append([], 1))
    told = Head(mark.epoch, 10**15, 1, "0" * 64, 1)
    (theirs.root / "HEAD").write_bytes(told.data)
    with pytest.raises(Astray, match="is at 1000000000000000, and we are at 1"):
        follow_from(source, cache, mark)


def test_a_journal_without_end_is_ended(
    source: Source, cache: Path, theirs: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follow, "MOST_BYTES", 10_000)
    theirs.append([], 1)
    for number in range(100, 1000):
        (theirs.root / "recent" / name_of(number)).write_bytes(b"x" * 1000)
    with pytest.raises(Astray, match="has no end"):
        asyncio.run(follow.look(replace(source, bwlimit=200), cache))
    assert len(list((cache / "recent").iterdir())) < 800


def test_more_than_a_plan_is_made_of(
    source: Source, cache: Path, theirs: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    mark = mark_at(theirs.append([], 1))
    for number in range(3):
        theirs.append([Step("+", str(number), 1)], 1)
        asyncio.run(follow.look(source, cache))
    monkeypatch.setattr(follow, "MOST_BYTES", 300)
    with pytest.raises(Astray, match="too much"):
        follow_from(source, cache, mark)


def test_a_new_epoch(source: Source, cache: Path, theirs: Journal) -> None:
    mark = mark_at(theirs.append([], 1))
    theirs.begin(1)
    with pytest.raises(Astray, match="began anew"):
        follow_from(source, cache, mark)


@pytest.mark.parametrize("harm", ["another content", "missing", "rubbish", "of another past"])
def test_a_chain_that_is_broken(source: Source, cache: Path, theirs: Journal, harm: str) -> None:
    mark = mark_at(theirs.append([], 1))
    for number in range(3):
        theirs.append([Step("+", str(number), 1)], 1)
    broken = theirs.root / "recent" / name_of(3)
    if harm == "missing":
        broken.unlink()
    elif harm == "of another past":
        mark = Mark(mark.epoch, mark.serial, "0" * 64)
    else:
        broken.write_bytes(broken.read_bytes().replace(b'"1"', b'"2"') if harm == "another content" else b"rubbish")
    with pytest.raises(Astray, match=r"went away|broken at|has no|cannot be read at|does not lead"):
        follow_from(source, cache, mark)


def test_no_journal_at_all(tmp_path: Path, cache: Path) -> None:
    with daemon(tmp_path, {"debian": tmp_path}) as port:
        for module in ("debian_journal", "debian"):
            source = Source(plain(f"rsync://127.0.0.1:{port}/{module}"), "leaf")
            with pytest.raises(Astray, match=r"no journal|no head|went away"):
                asyncio.run(follow.look(source, cache))


def test_an_upstream_that_is_away(cache: Path) -> None:
    with pytest.raises(SyncError, match="cannot list"):
        asyncio.run(follow.look(Source(plain("rsync://127.0.0.1:1/debian_journal"), "leaf"), cache))


@pytest.mark.parametrize("name", ["HEAD", "NEXT"])
def test_a_journal_with_a_directory_for_a_file_is_followed_again_when_it_has_none(
    source: Source, cache: Path, theirs: Journal, name: str
) -> None:
    mark = mark_at(theirs.append([], 1))
    shutil.copytree(theirs.root, theirs.root.with_name("good"))
    shutil.rmtree(theirs.root)
    (theirs.root / name).mkdir(parents=True)
    for _ in range(2):
        with pytest.raises(Astray, match="no head"):
            asyncio.run(follow.look(source, cache))
    shutil.rmtree(theirs.root)
    shutil.copytree(theirs.root.with_name("good"), theirs.root)
    assert follow_from(source, cache, mark) == []
