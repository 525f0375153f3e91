from __future__ import annotations

import time

from appliance.tracefile import Tier, TraceFile
from appliance.tree.kin import Kin
from appliance.tree.probe import Glimpse
from appliance.tree.reports import Report, Told

ORIGIN, HUB, LEAF = (Tier(name, f"{name}-host", above) for name, above in (("o", "o"), ("hub", "o"), ("leaf", "hub")))
US = {("o", "debian"): None}


def glimpse(*chain: Tier, **serials: str) -> Glimpse:
    traces = tuple(TraceFile(name, serial) for name, serial in serials.items())
    return Glimpse("2", "2", None, traces, chain)


def test_traces_reveal_who_is_between() -> None:
    seen = {("leaf", "debian"): glimpse(ORIGIN, HUB, LEAF, o="2", hub="2", leaf="2", old="1")}
    kin = Kin(US | {("leaf", "debian"): None}, {}, seen)
    found = kin.others()
    assert {(one.mirror, one.source, one.parent, one.serial) for one in found.values()} == {
        ("hub", "trace", "o", "2"), ("old", "trace", None, "1"),
    }  # fmt: skip
    assert (kin.parent(("leaf", "debian")), kin.parent(("o", "debian"))) == ("hub", None)
    assert {mirror for mirror, _ in kin.on_the_way()} == {"o", "hub", "leaf"}


def test_the_newest_trace_of_a_mirror_counts() -> None:
    members = US | {("a", "debian"): None, ("b", "debian"): None}
    seen = {("a", "debian"): glimpse(hub="3"), ("b", "debian"): glimpse(hub="10")}
    kin = Kin(members, {}, seen)
    assert kin.others()["hub", "debian"].serial == kin.traced(("hub", "debian")) == "10"


def test_a_copy_without_a_trace_of_its_own_is_below_the_last_on_the_way() -> None:
    kin = Kin(US | {("copy", "debian"): None}, {}, {("copy", "debian"): glimpse(ORIGIN, HUB, o="1", hub="1")})
    assert kin.parent(("copy", "debian")) == "hub"
    assert "hub" in {mirror for mirror, _ in kin.others()}


def test_the_first_on_the_way_says_whom_it_fetches_from() -> None:
    kin = Kin({("leaf", "debian"): "x"}, {}, {("leaf", "debian"): glimpse(Tier("leaf", "h", "far.example.org"))})
    assert kin.parent(("leaf", "debian")) == "far.example.org"
    upstream = Glimpse("1", "1", None, (TraceFile("leaf", "1", "h", "up.example.org"),))
    assert Kin({("leaf", "debian"): "x"}, {}, {("leaf", "debian"): upstream}).parent(("leaf", "debian")) == (
        "up.example.org"
    )
    assert Kin({("leaf", "debian"): "x"}, {}).parent(("leaf", "debian")) == "x"


def test_reports_tell_of_those_below_by_names_that_we_know() -> None:
    report = Report(
        "hub.example.org",
        {},
        {"debian": "syncs"},
        (
            Told("leaf", "debian", "hub.example.org", "2", True),
            Told("us.example.org", "debian", None, "1"),
            Told("deep", "debian", "leaf", None, activity="syncs"),
        ),
        at=5.0,
    )
    names = {"hub.example.org": "hub", "us.example.org": "o"}
    seen = {("hub", "debian"): glimpse(leaf="9", deep="1")}
    kin = Kin(US | {("hub", "debian"): "o"}, names, seen, {"hub": report})
    found = {one.mirror: one for one in kin.others().values()}
    assert set(found) == {"leaf", "deep"}
    leaf, deep = found["leaf"], found["deep"]
    assert (leaf.source, leaf.parent, leaf.serial, leaf.consistent, leaf.seen_at) == ("report", "hub", "2", True, 5.0)
    assert (deep.serial, deep.activity) == ("1", "syncs")
    assert kin.activity(("hub", "debian")) == "syncs"


def test_two_hundred_who_tell_of_each_other_are_put_together_in_a_moment() -> None:
    names = [f"m{number}" for number in range(200)]
    members = {(name, "debian"): None for name in names}
    told = tuple(Told(name, "debian", f"above-{name}", "1") for name in names)
    seen = {key: glimpse(**dict.fromkeys(names[:50], "1")) for key in members}
    kin = Kin(members, {}, seen, {name: Report(name, told=told) for name in names})
    began = time.process_time()
    assert [kin.parent(key) for key in members] == [f"above-{name}" for name in names]
    assert [kin.traced(key) for key in members] == ["1"] * 50 + [None] * 150
    assert time.process_time() - began < 1, "each was looked for among all"
