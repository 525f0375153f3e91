from __future__ import annotations

import tracemalloc

from hypothesis import given
from hypothesis import strategies as st

from appliance.sync.marks import Marks


@given(st.lists(st.integers(2, (1 << 63) - 1) | st.integers(2, 20)))
def test_what_was_put_in_is_known(marks: list[int]) -> None:
    seen, known = Marks(), set[int]()
    for mark in marks:
        assert (mark in seen) == (mark in known)
        assert seen.add(mark) == (mark not in known)
        assert mark in seen
        known.add(mark)
    assert len(seen) == len(known)


def test_it_begins_anew_when_it_is_full() -> None:
    seen = Marks(most=100)
    assert [seen.add(number) for number in (*range(1, 101), 1, 2, 1)] == [True] * 102 + [False]
    assert len(seen) == 2


def test_many_marks_take_little_memory() -> None:
    tracemalloc.start()
    try:
        seen = Marks()
        assert all(seen.add(hash((number, "pool"))) for number in range(100_000))
        assert not any(seen.add(hash((number, "pool"))) for number in range(100_000))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 4 << 20
