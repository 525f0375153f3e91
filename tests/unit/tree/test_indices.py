from __future__ import annotations

from dataclasses import replace

import pytest

from appliance.records import Publication
from appliance.tree.indices import Judgement, judge, sentinels

HISTORY = [
    Publication(1, "1", 10.0, {"a": "a1", "b": "b1", "c": "c1", "d": "d1"}),
    Publication(2, "2", 20.0, {"a": "a2", "b": "b1", "c": "c1", "d": "d1"}),
    Publication(3, "3", 30.0, {"a": "a2", "b": "b1", "c": "c1", "d": "d3"}),
    Publication(4, "4", 40.0, {"a": "a4", "b": "b1", "c": "c1", "d": "d3"}),
]


@pytest.mark.parametrize(
    ("serial", "paths"),
    [("4", ["a", "d", "b"]), ("3", ["d", "a", "b"]), ("1", ["a", "b", "c"]), ("9", []), (None, None)],
)
def test_what_changed_last_is_looked_at(serial: str | None, paths: list[str] | None) -> None:
    assert sentinels(HISTORY, serial) == (sentinels(HISTORY, "4") if paths is None else paths)
    assert sentinels([], serial) == []


@pytest.mark.parametrize(
    ("serial", "digests", "judgement"),
    [
        ("4", {"a": "a4", "d": "d3"}, Judgement("4", True)),
        ("4", {"a": "a2", "d": "d3"}, Judgement("3", False)),  # a new trace over old indices
        ("4", {"a": "a2", "d": "d1"}, Judgement("2", False)),
        ("4", {"a": "a1", "d": "d3"}, Judgement(None, False)),  # of no publication of ours
        ("3", {"a": "a4", "d": "d3"}, Judgement("3", False)),  # being updated: the trace comes last
        ("4", {}, Judgement("4")),  # it carries other suites
        ("5", {"a": "a4"}, Judgement("5")),  # newer than we are
        (None, {"a": "a2", "d": "d3"}, Judgement("3", None, 3)),  # no trace at all
        (None, {"a": "x"}, Judgement(None)),
    ],
)
def test_who_is_classified_by_indices(serial: str | None, digests: dict[str, str], judgement: Judgement) -> None:
    assert judge(HISTORY, serial, digests) == judgement


def test_a_serial_that_was_published_twice_has_two_states() -> None:
    again = [*HISTORY, Publication(5, "4", 50.0, {"a": "a5"})]
    assert judge(again, "4", {"a": "a4"}) == judge(again, "4", {"a": "a5"}) == Judgement("4", True)


def test_publications_whose_files_nobody_noted_prove_nothing() -> None:
    assert judge([Publication(1, "1", 1.0)], "1", {}) == Judgement("1")
    assert sentinels([Publication(1, "1", 1.0)], "1") == []


def test_where_nobody_has_serials_publications_are_told_by_their_numbers() -> None:
    history = [replace(one, serial=None) for one in HISTORY]
    assert judge(history, None, {"a": "a2", "d": "d1"}) == Judgement(None, None, 2)
    assert sentinels(history, None) == ["a", "d", "b"]
