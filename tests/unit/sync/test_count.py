from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance import commands
from appliance.sync import comparison, fetch, plan
from appliance.sync.changes import Change, Changes
from appliance.sync.count import FORMAT, Count, Listener
from appliance.sync.plan import Plan
from appliance.sync.profile import Profile
from appliance.sync.source import Source
from appliance.sync.staging import Staging
from appliance.sync.transport import Transport
from tests.unit.upstream import daemon

MEBIBYTE = 1 << 20


class Watched(Count):
    """A count that remembers its states."""

    def __init__(self) -> None:
        super().__init__()
        self.states: list[tuple[int, int, int]] = []

    def arrived(self, fate: str, kind: str, length: int, travelled: int) -> None:
        super().arrived(fate, kind, length, travelled)
        self.states.append((self.files, self.bytes, self.fetched))


class Place:
    """An upstream behind a daemon, a tree beside its staging."""

    def __init__(self, root: Path, port: int) -> None:
        self.upstream, self.tree, self.staging = root / "upstream", root / "tree", Staging(root / "staging")
        self.source = Source(Transport(f"rsync://127.0.0.1:{port}/x"), own_name="leaf")
        self.staging.prepare()

    def write(self, path: str, size: int) -> Path:
        file = self.upstream / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(os.urandom(size))
        return file

    def plan(self) -> Plan:
        return asyncio.run(comparison.walk(self.source, self.tree, Profile("generic")))

    def fetch(self, work: Plan, count: Count) -> int:
        count.expect(work.payload)
        return asyncio.run(fetch.payload(self.source, self.staging, self.tree, work.payload, count))


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    for name in ("upstream", "tree"):
        (tmp_path / name).mkdir()
    with daemon(tmp_path, {"x": tmp_path / "upstream"}) as port:
        yield Place(tmp_path, port)


def done(count: Count) -> tuple[int, int]:
    return count.files, count.bytes


def planned(count: Count) -> tuple[int, int]:
    return count.planned_files, count.planned_bytes


def test_what_rsync_says_adds_up_to_the_plan_without_being_settled(place: Place) -> None:
    file = place.write("pool/large", 3 * MEBIBYTE)
    (place.upstream / "pool/again").hardlink_to(file)
    (place.upstream / "pool/link").symlink_to("large")
    (place.upstream / "pool/empty directory").mkdir()
    for number in range(50):
        place.write(f"pool/{number % 7}/a name with \\#303 é {number}", number)
    count = Watched()
    received = place.fetch(place.plan(), count)
    assert planned(count) == (53, 3 * MEBIBYTE + sum(range(50)) + len("large"))
    assert count.states[-1][:2] == planned(count) == done(count)
    assert all(earlier[i] <= later[i] for earlier, later in pairwise(count.states) for i in range(3))
    assert 3 * MEBIBYTE < count.fetched <= received


def test_several_rsyncs_add_to_one_count(place: Place) -> None:
    for number in range(40):
        place.write(f"pool/{number}", 10_000 + number)
    work, count = place.plan(), Watched()
    count.expect(work.payload)
    names = plan.paths(work.payload)
    halves = names[:20], names[20:]

    async def one(names: list[str]) -> None:
        argv = place.source.argv("--files-from=-", "--from0", FORMAT, target=place.tree)
        feed = "".join(f"{name}\0" for name in names).encode()
        await commands.run(argv, deadline=60, feed=feed, on_line=Listener(count).line)

    async def both() -> None:
        await asyncio.gather(*map(one, halves))

    asyncio.run(both())
    assert count.states[-1][:2] == planned(count) == (40, sum(range(10_000, 10_040)))


def test_what_is_here_in_part_is_done_and_did_not_travel(place: Place) -> None:
    file = place.write("pool/image", 4 * MEBIBYTE)
    (place.staging.partial / "share").mkdir(parents=True)
    (place.staging.partial / "share/image").write_bytes(file.read_bytes()[: 3 * MEBIBYTE])
    count = Count()
    place.fetch(place.plan(), count)
    assert done(count) == (1, 4 * MEBIBYTE)
    assert MEBIBYTE <= count.fetched < 1.1 * MEBIBYTE


def test_what_somebody_else_brought_meanwhile_is_done(place: Place) -> None:
    file = place.write("pool/a", 1000)
    work, count = place.plan(), Watched()
    (place.tree / "pool").mkdir()
    (place.tree / "pool/a").write_bytes(file.read_bytes())
    os.utime(place.tree / "pool/a", ns=(file.stat().st_atime_ns, file.stat().st_mtime_ns))
    (place.tree / "pool/a").chmod(0o644)
    place.fetch(work, count)
    assert not count.states
    assert done(count) == planned(count) == (1, 1000)


def test_a_new_plan_keeps_what_is_done(place: Place) -> None:
    place.write("pool/a", 1000)
    count = Count()
    place.fetch(place.plan(), count)
    place.write("pool/b", 500)
    work = place.plan()
    count.expect(work.payload)
    assert (done(count), planned(count)) == ((1, 1000), (2, 1500))
    place.fetch(work, count)
    assert done(count) == planned(count) == (2, 1500)


def test_a_fetch_that_fails_counts_what_came(place: Place) -> None:
    place.write("pool/a", 1000)
    work = replace(place.plan(), payload=Changes.of([*place.plan().payload, Change("pool/gone", 7, new=True)]))
    count = Count()
    with pytest.raises(Exception, match="gone"):
        place.fetch(work, count)
    assert (done(count), planned(count)) == ((1, 1000), (2, 1007))


@given(st.lists(st.tuples(st.sampled_from(["c", ">"]), st.sampled_from("fdL"), st.integers(0, 99), st.integers(0, 99))))
def test_nothing_is_ever_more_than_planned(lines: list[tuple[str, str, int, int]]) -> None:
    count, files = Count(), sum(line[1] != "d" for line in lines)
    heard = Listener(count)
    for fate, kind, length, travelled in lines:
        heard.line(f"{fate}{kind}+++++++++ {length} {travelled} a b".encode())
        assert count.files <= count.planned_files
        assert count.bytes <= count.planned_bytes
    assert done(count) == (files, sum(length for _, kind, length, _ in lines if kind != "d"))


@pytest.mark.parametrize("line", [b"", b"Number of files: 3", b'skipping non-regular file "x"', b">f+++++++++ 1 2"])
def test_other_lines_count_nothing(line: bytes) -> None:
    count = Count()
    Listener(count).line(line)
    assert done(count) == (0, 0)


def test_the_end_is_seen_before_it_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("appliance.sync.count.NEAR", 100)
    count = Count()
    count.expect(Changes.of([Change("a", 100, new=True)]))
    assert count.ending.is_set()
    count.expect(Changes.of([Change("b", 90, new=True), Change("c", 100, new=True)]))
    assert not count.ending.is_set()
    count.arrived(">", "f", 89, 89)
    assert not count.ending.is_set()
    count.arrived(">", "f", 1, 1)
    assert count.ending.is_set()
    count.expect(Changes.of([Change("d", 1000, new=True)]))
    assert not count.ending.is_set()
    count.settle()
    assert count.ending.is_set()
