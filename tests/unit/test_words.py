from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance import words


@pytest.mark.parametrize(
    ("command", "archive", "stage", "mhop"),
    [
        (" sync:archive: sync:all", "", "all", False),
        (" sync:archive:security sync:stage1", "security", "stage1", False),
        (" sync:archive: sync:mhop sync:stage2", "", "stage2", True),
        ("ftpsync sync:archive:debian sync:all", "debian", "all", False),
        ("sync:all sync:archive:bpo sync:callback", "bpo", "all", False),
        ("", "", "all", False),
        ("ftpsync", "", "all", False),
        ("sync:mhop", "", "all", True),
        ("sync:stage1 sync:stage2", "", "all", False),
        ("sync:stage1 sync:all", "", "all", False),
        ("sync:all sync:stage1", "", "stage1", False),
        ("sync:archive:a sync:archive:b", "b", "all", False),
    ],
)
def test_parse(command: str, archive: str, stage: str, mhop: bool) -> None:
    order = words.parse(command)
    assert (order.archive, order.stage, order.mhop, order.ignored) == (archive, stage, mhop, [])
    assert order.understood


@pytest.mark.parametrize(
    "command", ["bash", "ls -la /", "callback:leaf", "; rm -rf /", "$(touch x)", "sync:everything"]
)
def test_a_command_without_one_known_word_is_not_understood(command: str) -> None:
    assert not words.parse(command).understood


def test_unknown_words_beside_known_ones_are_ignored() -> None:
    order = words.parse("sync:all sync:new --verbose")
    assert order.ignored == ["sync:new", "--verbose"]
    assert order.understood
    assert order.stage == "all"


@given(
    st.from_regex(r"[A-Za-z0-9._-]{0,20}", fullmatch=True), st.sampled_from(["all", "stage1", "stage2"]), st.booleans()
)
def test_what_we_write_we_read(archive: str, stage: str, mhop: bool) -> None:
    order = words.parse(words.write(archive, stage, mhop))
    assert (order.archive, order.stage, order.mhop, order.ignored) == (archive, stage, mhop, [])


def test_the_wire_is_stocks_wire() -> None:
    assert words.write("", "all") == " sync:archive: sync:all"
    assert words.write("security", "stage1", mhop=True) == " sync:archive:security sync:mhop sync:stage1"


@given(st.text())
def test_parse_takes_anything(command: str) -> None:
    order = words.parse(command)
    assert order.stage in ("all", "stage1", "stage2")
    assert all(words.printable(word).isascii() and words.printable(word).isprintable() for word in order.ignored)
    assert all(len(words.printable(word)) <= 60 for word in order.ignored)
