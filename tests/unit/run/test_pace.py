from __future__ import annotations

from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.run.pace import APART, WINDOW, Pace

STEPS = st.lists(st.tuples(st.floats(APART, 60), st.integers(0, 10**9)), min_size=1, max_size=200)


def paced(times: list[float], amounts: list[float]) -> Pace:
    pace = Pace(times[0], amounts[0])
    for now, amount in zip(times[1:], amounts[1:], strict=True):
        pace.note(now, amount)
    return pace


@given(st.lists(st.floats(0.01, 100), min_size=1, max_size=200), st.integers(1, 10**9))
def test_what_grows_evenly_has_that_rate_however_often_somebody_looks(pauses: list[float], rate: int) -> None:
    times = [0.0, *accumulate(pauses)]
    pace = paced(times, [rate * now for now in times])
    if times[-1] >= APART:
        assert pace.rate == pytest.approx(rate)
        assert pace.remaining(rate * 7) == pytest.approx(7)
    else:
        assert pace.rate is None


@given(STEPS)
def test_a_rate_is_never_beyond_the_slowest_and_the_fastest(steps: list[tuple[float, int]]) -> None:
    times, amounts = [0.0, *accumulate(pause for pause, _ in steps)], [0.0, *accumulate(more for _, more in steps)]
    rate = paced(times, amounts).rate
    assert rate is not None
    each = [more / pause for pause, more in steps]
    assert min(each) * 0.999 <= rate <= max(each) * 1.001


@given(st.integers(1, 10**9), st.integers(0, 10**9), st.integers(40, 500))
def test_what_was_long_ago_is_forgotten(fast: int, slow: int, seconds: int) -> None:
    times = [float(second) for second in range(2 * seconds)]
    amounts = [float(fast * min(second, seconds) + slow * max(0, second - seconds)) for second in range(2 * seconds)]
    assert seconds > WINDOW
    assert paced(times, amounts).rate == pytest.approx(slow)


@given(STEPS, st.integers(1, 10**12), st.integers(1, 10**12))
def test_less_to_do_takes_no_longer(steps: list[tuple[float, int]], one: int, other: int) -> None:
    pace = paced([0.0, *accumulate(p for p, _ in steps)], [0.0, *accumulate(float(more) for _, more in steps)])
    less, more = (pace.remaining(amount) for amount in sorted((one, other)))
    assert (less is None) == (more is None) == (pace.rate == 0)
    assert less is None or more is None or less <= more
    assert pace.remaining(0) == 0


def test_one_second_of_silence_moves_the_remaining_time_by_little() -> None:
    times = [float(second) for second in range(31)]
    pace = paced(times, [1000.0 * now for now in times])
    before = pace.remaining(60_000) or 0
    pace.note(31.0, 30_000)
    assert before == pytest.approx(60)
    assert (pace.remaining(60_000) or 0) == pytest.approx(60, rel=0.05)
