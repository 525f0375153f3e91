from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance import commands
from appliance.sync import fetch, shares
from appliance.sync.changes import Change, Changes
from appliance.sync.count import Count
from appliance.sync.feed import LONGEST, feed
from appliance.sync.journal import follow
from appliance.sync.journal.delta import Head
from appliance.sync.source import Source
from appliance.sync.staging import Staging
from appliance.sync.transport import Transport
from tests.unit.examples import examples

RECORDER = '#!/bin/sh\nprintf "%s\\0" "$@" > {place}/$$.argv\ncat > {place}/$$.feed\n'

# Bytes that sort otherwise as text: outside ASCII, outside the first plane, no UTF-8 at all, and around the slash.
PART = st.text(alphabet="ab-./0é\uffee\U0001f40e\udce9", min_size=1, max_size=3).filter(
    lambda part: "/" not in part and part not in (".", "..")
)
PATHS = st.lists(PART, min_size=1, max_size=4).map("/".join)
PLANS = st.lists(
    st.builds(
        Change,
        PATHS,
        st.integers(0, 3 * shares.WORTH),
        new=st.just(True),
        directory=st.booleans(),
        leader=st.none() | PATHS,
    ),
    max_size=30,
    unique_by=lambda change: change.path,
)


class Calls:
    """What a recording rsync was called with, and fed."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def take(self) -> Iterator[tuple[list[str], list[bytes]]]:
        for file in sorted(self.place.glob("*.argv")):
            fed = file.with_suffix(".feed")
            yield file.read_text().split("\0"), fed.read_bytes().split(b"\0")[:-1]
            file.unlink()
            fed.unlink()


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Calls:
    bin, place = tmp_path / "bin", tmp_path / "calls"
    bin.mkdir()
    place.mkdir()
    (bin / "rsync").write_text(RECORDER.format(place=place))
    (bin / "rsync").chmod(0o755)
    path = f"{bin}:{commands.ENVIRONMENT['PATH']}"
    monkeypatch.setattr(commands, "ENVIRONMENT", {**commands.ENVIRONMENT, "PATH": path})
    return Calls(place)


def lists(calls: Calls) -> list[list[bytes]]:
    """Every list that rsync read; fails for one that it was not told to read, or that is not sorted."""
    found = []
    for argv, fed in calls.take():
        assert {"--files-from=-", "--from0"} <= set(argv)
        assert fed == sorted(set(fed))
        assert len(fed) <= LONGEST
        found.append(fed)
    return found


def fetched(plan: Sequence[Change], scratch: Path, streams: int) -> None:
    staging = Staging(scratch)
    source = Source(Transport("/upstream"), own_name="leaf", streams=streams)
    asyncio.run(fetch.payload(source, staging, scratch / "tree", Changes.of(plan), Count()))
    asyncio.run(fetch.index(source, staging, scratch / "tree", Changes.of(plan), Count()))


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("scratch")


def test_every_list_is_sorted_whatever_the_plan(calls: Calls, scratch: Path) -> None:
    @settings(deadline=None, max_examples=examples(40), database=None)
    @given(PLANS, st.integers(1, 6))
    def check(plan: list[Change], streams: int) -> None:
        fetched(plan, scratch, streams)
        told = Counter(name for fed in lists(calls) for name in fed)
        assert set(told.values()) <= {2}
        assert told.keys() <= {os.fsencode(change.path) for change in plan}
        left_out = [change for change in plan if os.fsencode(change.path) not in told]
        for change in left_out:
            inside = os.fsencode(change.path) + b"/"
            assert change.directory
            assert any(name.startswith(inside) for name in told)

    check()


def test_deltas_are_asked_for_in_order(calls: Calls, tmp_path: Path) -> None:
    from appliance.records import Mark

    head = Head("e", 40, 1, "d", 1)
    with pytest.raises(follow.Astray):
        asyncio.run(follow.steps(Source(Transport("/u"), own_name="leaf"), tmp_path, head, Mark("e", 0, "", "terms")))
    assert [len(fed) for fed in lists(calls)] == [40]


def test_a_long_list_is_cut(calls: Calls, tmp_path: Path) -> None:
    fetched([Change(f"pool/{number}", 1, new=True) for number in range(LONGEST + 1)], tmp_path, 1)
    assert sorted(len(fed) for fed in lists(calls)) == [1250, 1250, 1251, 1251]


def test_names_are_bytes_in_their_own_order() -> None:
    assert feed(["b", "a\udce9", "a\uffee", "a-", "a/x", "b"]) == b"a-\0a/x\0a\xe9\0a\xef\xbf\xae\0b\0"
