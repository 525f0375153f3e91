from __future__ import annotations

import pytest

from appliance.tracefile import MOST, Tier, TraceFile, field, hierarchy, names, parse, serial

TRACE = """Sat Nov 21 09:00:00 UTC 2099
Date: Sat, 21 Nov 2099 09:00:00 +0000
archive SERIAL:  2026112101\t
Running on host: node1.example.org
Upstream-mirror: hub.example.org
"""


def test_what_a_trace_says_and_no_clock_of_it() -> None:
    assert parse("leaf", TRACE) == TraceFile("leaf", "2026112101", "node1.example.org", "hub.example.org")
    assert (
        parse("leaf", "") == parse("leaf", "x\nUpstream-mirror: unknown\nRunning on host: a b\n") == TraceFile("leaf")
    )
    assert field(TRACE, "sat nov 21 09") is None


@pytest.mark.parametrize("text", ["", "unknown", "1x", "9" * 19, "²", "-1", "1 2"])
def test_what_is_no_serial(text: str) -> None:
    assert serial(f"date\nArchive serial: {text}\n") is None


def test_the_way_from_the_master() -> None:
    text = "o o o-host o\nhub hub.example.org hub1 o\nnonsense\nleaf leaf ../x hub\n"
    assert hierarchy(text) == (Tier("o", "o-host", "o"), Tier("hub.example.org", "hub1", "o"))


@pytest.mark.parametrize(
    "text",
    [
        "leaf\nhub-1.example.org\n_hierarchy\nmaster\nleaf-stage1\nleaf.new\n.hidden\nleaf\n../x\n",
        "<html><a href='./leaf'>leaf</a> <A HREF=\"hub-1.example.org\">x</A><a href=master> <a href='../'>..</a>"
        '<a href="?C=N;O=D">Name</a><a href="/debian/">x</a><a href="leaf-stage1">',
    ],
)
def test_a_list_of_traces_and_a_page_of_them(text: str) -> None:
    assert names(text) == ["leaf", "hub-1.example.org"]
    assert len(names("\n".join(f"host{n}" for n in range(500)))) == MOST
