"""What mirrorctl draws of the past and of others."""

from __future__ import annotations

from typing import Any

import pytest

from appliance.doors import glances


def sighting(mirror: str, parent: str | None, **more: Any) -> dict[str, Any]:
    """A mirror as the API tells of it."""
    usual = {"archive": "debian", "serial": "2026112101", "fresh": "fresh", "missed": None, "lag": None}
    return {**usual, "activity": None, "error": "", "consistent": None, "mirror": mirror, "parent": parent, **more}


def drawn(capsys: pytest.CaptureFixture[str], *ones: dict[str, Any]) -> list[str]:
    glances.tree(list(ones), "hub")
    return capsys.readouterr().out.splitlines()


def test_a_tree_is_drawn_as_it_fetches(capsys: pytest.CaptureFixture[str]) -> None:
    behind = sighting("leaf", "hub", fresh="stale", missed=2, lag=36000.0, error="no\x1b[2J answer")
    lines = drawn(capsys, behind, sighting("hub", "origin"), sighting("below", "leaf", consistent=False))
    assert lines[0] == "debian"
    assert [line.lstrip("└─ │├").split()[0] for line in lines[1:]] == ["hub", "leaf", "below"]
    assert [len(line) - len(line.lstrip("└─ │├")) for line in lines[1:]] == [4, 8, 12]
    assert "stale, 2 behind for 10 h 0 min" in lines[2]
    assert r"no\x1b[2J answer" in lines[2]
    assert "its indices are not of its serial" in lines[3]


def test_mirrors_that_fetch_from_each_other_are_drawn_once(capsys: pytest.CaptureFixture[str]) -> None:
    lines = drawn(capsys, sighting("one", "two"), sighting("two", "one"), sighting("self", "self"))
    assert sorted(line.lstrip("└─ │├").split()[0] for line in lines[1:]) == ["one", "self", "two"]


def test_a_tree_may_be_told_to_be_deeper_than_any_terminal_is_wide(capsys: pytest.CaptureFixture[str]) -> None:
    lines = drawn(capsys, *(sighting(f"m{n}", f"m{n - 1}") for n in range(600)))
    assert [line.lstrip("└─ ").split()[0] for line in lines[:4]] == ["debian", "m0", "m1", "m2"]


def test_runs_are_a_line_each_and_their_trouble_another(capsys: pytest.CaptureFixture[str]) -> None:
    run = {"archive": "debian", "kind": "sync", "trigger": "ssh", "serial": None, "payload": 3, "index": 4}
    common = {**run, "bytes": 2_000_000, "started_at": 0.0}
    ended = {**common, "id": 7, "ended_at": 90.0, "result": "error", "error": "why [it] failed\n  the cure"}
    glances.runs([{**common, "id": 8, "ended_at": None, "result": None, "error": ""}, ended])
    out = capsys.readouterr().out
    assert out.index("running") < out.index("error")
    assert "run 7: why [it] failed\n" in out
    assert "2.0 MB" in out
