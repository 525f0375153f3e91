from __future__ import annotations

import os
import random
import tracemalloc

from hypothesis import given
from hypothesis import strategies as st

from appliance.sync.changes import RUN, Change, Changes

NAMES = st.binary(min_size=1, max_size=20).map(lambda name: os.fsdecode(name.replace(b"\0", b"\n")))
CHANGES = st.lists(
    st.builds(Change, NAMES, st.integers(0, 1 << 62), st.booleans(), st.booleans(), st.none() | NAMES),
    unique_by=lambda change: change.path,
)


def in_order(changes: list[Change]) -> list[Change]:
    return sorted(changes, key=lambda change: os.fsencode(change.path))


@given(CHANGES)
def test_what_goes_in_comes_out_sorted_by_the_bytes_of_the_paths(changes: list[Change]) -> None:
    packed = Changes.of(changes)
    assert list(packed) == in_order(changes)
    assert len(packed) == len(changes)
    assert packed.bytes == sum(change.size for change in changes if change.leader is None)
    assert packed.files == sum(not change.directory for change in changes)


def test_more_than_one_run_in_any_order() -> None:
    changes = [Change(f"pool/{number % 10}/{number}", number, new=True) for number in range(3 * RUN + 1)]
    random.Random(0).shuffle(changes)
    packed = Changes.of(changes)
    assert list(packed) == in_order(changes)
    assert list(packed) == in_order(changes)  # again from the begin


def test_some_are_found_and_others_left_out() -> None:
    changes = Changes.of(Change(f"pool/{number}", 1, new=True) for number in range(100))
    assert [change.path for change in changes.among({"pool/7", "pool/77", "other"})] == ["pool/7", "pool/77"]
    assert changes.among(()) == []
    assert len(changes.only(lambda change: change.path.endswith("7"))) == 10


def test_a_long_list_takes_little_memory_and_so_does_reading_it() -> None:
    """In the order in which rsync walks: the directories of one level, then what is in each of them."""
    tops = [f"pool/{letter}" for letter in "abcdefgh"]
    below = [f"{top}/{letter}{number:05}" for top in tops for letter, number in ((top[-1], n) for n in range(1000))]
    tracemalloc.start()
    try:
        walk = (*tops, *below)
        packed = Changes.of(
            Change(path, 300, new=True)
            for directory in walk
            for path in (directory, *(f"{directory}/{directory[-6:]}-part{part}_1.0-1_amd64.deb" for part in range(8)))
        )
        held, _ = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        assert sum(1 for _ in packed) == 9 * len(walk)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (peak - held) < 10 << 20
    assert sum(len(run.packed) for run in packed.runs) < 10 * len(packed)
