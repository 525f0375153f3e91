from __future__ import annotations

import json

import pytest

from appliance.records import Sighting
from appliance.tree.reports import MOST, Report, Told, parse, write


def test_what_is_written_is_what_is_read() -> None:
    leaf = Sighting("leaf", "debian", "hub", "downstream", "http://secret", "2026112101", consistent=True, error="why")
    whole = write(
        "hub",
        {"debian": {"serial": "1", "activity": "syncs: payload, 12 %"}},
        [Sighting("hub", "debian", None, "self"), leaf],
    )
    assert "secret" not in json.dumps(whole)
    assert "why" not in json.dumps(whole)
    told = (Told("leaf", "debian", "hub", "2026112101", True),)
    does = {"debian": "syncs: payload, 12 %"}
    assert parse(json.dumps(whole), 5.0) == Report("hub", {"debian": "1"}, does, told, 5.0)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"name": "a b"}', '{"name": 1}', "[" * 100_000, '{"name": "x"'])
def test_what_is_no_report(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        parse(text, 0.0)


def test_strange_lines_are_left_out_and_long_ones_cut() -> None:
    lines = [
        None, {}, {"mirror": "../x", "archive": "debian"}, {"mirror": "a", "archive": "d", "carries": 7, "parent": {}},
        {"mirror": "b", "archive": "d", "activity": "x" * 500, "consistent": "yes", "carries": "9" * 19},
        {"mirror": "c", "archive": "d", "activity": "two\nlines"},
    ]  # fmt: skip
    found = parse(json.dumps({"name": "hub", "archives": {"d": 1, "e": {"activity": 5}}, "downstreams": lines}), 0.0)
    assert found.told == (Told("a", "d"), Told("b", "d", activity="x" * 60), Told("c", "d"))
    assert found.activities == {}
    many = [{"mirror": f"m{n}", "archive": "d"} for n in range(5000)]
    assert len(parse(json.dumps({"name": "hub", "downstreams": many}), 0.0).told) == MOST
