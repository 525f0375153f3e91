from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.sync.journal.delta import Delta, Head, Step, merged

NAMES = st.text(st.characters(blacklist_characters="/\0"), min_size=1, max_size=8).filter(lambda name: name != "..")
PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join)
STEPS = st.one_of(
    st.builds(Step, st.just("+"), PATHS, st.integers(0, 1 << 50), st.none() | PATHS),
    st.builds(Step, st.just("l"), PATHS, st.integers(0, 99), st.text()),
    st.builds(Step, st.sampled_from(("d", "-")), PATHS),
)


@given(st.lists(STEPS), st.integers(1, 10**9))
def test_what_is_written_is_read(steps: list[Step], serial: int) -> None:
    delta = Delta("e", serial, "digest", tuple(steps))
    assert Delta.parse(delta.data) == delta


def test_a_name_that_is_no_utf8() -> None:
    delta = Delta("e", 1, "", (Step("+", "caf\udce9\n\x07", 3),))
    assert Delta.parse(delta.data).steps == delta.steps
    assert delta.data.isascii()


@given(
    st.binary(max_size=300) | st.lists(STEPS, max_size=3).map(lambda steps: Delta("e", 1, "", tuple(steps)).data[:-1])
)
def test_anything_else_is_a_value_error(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        Delta.parse(data)


@pytest.mark.parametrize(
    "line",
    [
        '["+","../x",1]', '["+","/x",1]', '["-","a/../../x"]', '["+","x",-1]', '["+","x",1,"/y"]', '["d",""]',
        '["d","a//b"]', '["?","x"]', '["+","x\\u0000",1]', '{"a":1}', "[" * 100000,
    ],
)  # fmt: skip
def test_steps_that_nobody_takes(line: str) -> None:
    head = Delta("e", 1, "").data
    with pytest.raises(ValueError, match=r"."):
        Delta.parse(head + line.encode() + b"\n")


def test_the_last_word_on_a_path_counts() -> None:
    one = Delta("e", 1, "", (Step("+", "b", 1), Step("+", "a", 1), Step("-", "c")))
    two = Delta("e", 2, one.digest, (Step("-", "a"), Step("+", "c", 5)))
    assert merged([one, two]) == [Step("-", "a"), Step("+", "b", 1), Step("+", "c", 5)]


def test_a_head() -> None:
    head = Head("e", 7, 3, "digest", 100)
    assert Head.parse(head.data) == head


@pytest.mark.parametrize(
    "data", [b"", b"x", b"\xff", Head("e", 7, 3, "d", 1).data.replace(b"7", b"seven"), b"push-mirror journal 1\n"]
)
def test_no_head(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        Head.parse(data)
