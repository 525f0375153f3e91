from __future__ import annotations

from heapq import heappop, heappush
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.sync.changes import NONE, Change, Changes
from appliance.sync.feed import LONGEST
from appliance.sync.shares import FILE_COST, USUAL, WORTH, split, streams_for, weight

MIB = 1 << 20


def change(path: str, size: int = 0, leader: str | None = None) -> Change:
    return Change(path, size, new=True, leader=leader)


PATHS = st.integers(0, 40).map(lambda number: f"{number % 3}/{number}")
PLANS = st.lists(
    st.builds(change, PATHS, st.integers(0, 100 * MIB), st.none() | PATHS), unique_by=lambda change: change.path
)


@given(PLANS, st.integers(1, 16))
def test_every_change_is_in_one_share(plan: list[Change], streams: int) -> None:
    shares = split(Changes.of(plan), streams)
    assert sorted((one for share in shares for one in share), key=lambda one: one.path) == sorted(
        plan, key=lambda one: one.path
    )
    assert all(shares)


@given(PLANS, st.integers(1, 16))
def test_a_name_goes_with_its_leader(plan: list[Change], streams: int) -> None:
    at = {one.path: number for number, share in enumerate(split(Changes.of(plan), streams)) for one in share}
    heads = {one.path for one in plan if one.leader is None}
    for one in plan:
        if one.leader in heads:
            assert at[one.path] == at[one.leader]


def test_names_whose_leader_is_not_fetched_stay_together() -> None:
    names = [change("a/name", 90 * MIB, "z"), change("b/file", 90 * MIB), change("c/name", 90 * MIB, "z")]
    assert [[one.path for one in share] for share in split(Changes.of(names), 2)] == [["a/name", "c/name"], ["b/file"]]


@given(st.lists(st.integers(0, 4 * MIB), min_size=1, max_size=400), st.integers(1, 16))
def test_shares_weigh_the_same_up_to_a_file(sizes: list[int], streams: int) -> None:
    plan = [change(f"pool/{number:04}", size) for number, size in enumerate(sizes)]
    shares = split(Changes.of(plan), streams)
    heaviest = max(map(weight, plan))
    assert len(shares) <= 2 * streams
    assert all(sum(map(weight, share)) <= sum(map(weight, plan)) / streams + heaviest for share in shares)


def test_shares_are_ranges_of_the_sorted_list() -> None:
    plan = [change(f"pool/{number}", 5 * MIB) for number in range(100)]
    shares = split(Changes.of(reversed(plan)), 4)
    assert [one.path for share in shares for one in share] == sorted(one.path for one in plan)
    assert [len(share) for share in shares] == [25, 25, 25, 25]


def test_no_share_is_longer_than_rsync_can_bear() -> None:
    plan = [change(f"pool/{number:06}") for number in range(3 * LONGEST)]
    assert max(map(len, split(Changes.of(plan), 1))) <= LONGEST


def ends(shares: list[Changes], streams: int) -> list[float]:
    """When each share is here, if every stream brings the same: the next share goes to who is free first."""
    free, found = [0.0] * streams, []
    for share in shares:
        end = heappop(free) + sum(map(weight, share))
        heappush(free, end)
        found.append(end)
    return found


@pytest.mark.parametrize("streams", [2, 4, 8])
def test_streams_connect_anew_one_after_the_other_and_end_together(streams: int) -> None:
    plan = [change(f"pool/{number:06}", 100_000) for number in range(3 * streams * USUAL)]
    found = sorted(ends(split(Changes.of(plan), streams), streams))
    share = sum(map(weight, plan)) / (3 * streams)
    assert all(after - before > 0.9 * share / streams for before, after in pairwise(found[:-streams]))
    assert found[-1] - found[-streams] < 0.1 * share / streams


def test_a_directory_is_not_named_beside_what_is_in_it() -> None:
    plan = [
        Change("a", 0, new=True, directory=True),
        change("a/file"),
        Change("empty", 0, new=True, directory=True),
        change("empty-not"),
    ]
    assert [[one.path for one in share] for share in split(Changes.of(plan), 1)] == [["a/file", "empty", "empty-not"]]


def test_nothing_makes_no_share() -> None:
    assert split(NONE, 4) == []


@pytest.mark.parametrize(
    ("files", "size", "bwlimit", "streams"),
    [
        (0, 0, 0, 1),
        (100, 1000, 0, 1),
        (1, 2 * WORTH, 0, 2),
        (100, MIB, 0, 4),
        (4 * WORTH // FILE_COST, 0, 0, 4),
        (100, MIB, 16 * 1024, 1),
        (100, MIB, 40 * 1024, 2),
    ],
)
def test_streams_are_opened_where_they_pay(files: int, size: int, bwlimit: int, streams: int) -> None:
    changes = Changes.of(change(str(number), size) for number in range(files))
    assert streams_for(changes, 4, bwlimit) == streams
