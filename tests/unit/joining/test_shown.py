"""What people see of a membership: the doctor and the page."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest

from appliance.board import view
from appliance.doctor import membership as family
from appliance.doctor import refusals, upstreams
from appliance.doctor.finding import Finding, Level
from appliance.doctor.patient import prepared
from appliance.joining import effective, membership, standing, statement, told
from appliance.joining.membership import Membership
from appliance.joining.statement import STATEMENT, Statement
from appliance.places import Places
from tests.unit.joining.test_offered import offering
from tests.unit.samples import LEAF_KEY

OFFERED = offering(rsync="rsync://127.0.0.1:1")


@pytest.fixture
def places(tmp_path: Path) -> Places:
    found = Places(tmp_path / "run", tmp_path / "state", tmp_path / "data")
    found.state.mkdir()
    found.keys.mkdir(parents=True)
    found.host_public_key.write_text(LEAF_KEY)
    return found


def known(places: Places, **changes: Any) -> Membership:
    found = membership.begun(OFFERED, time.time()).changed(**changes)
    membership.keep(places, found)
    return found


JOINED = {"state": "joined", "joined_at": 1_800_000_000.0, "answered_at": 1_800_000_060.0}
WAITING = {"trouble": "hub.example.org cannot be reached: Connection refused", "cure": told.PASTE}
REVOKED = {"state": "refused", "joined_at": 1.0, "trouble": "hub.example.org has ended our membership", "cure": "ask"}


def seen(places: Places, **given: str) -> list[Finding]:
    environ = {"MIRROR_INVITE": OFFERED.token, **given}
    with prepared(effective.read(environ, places), places, None, "nobody is there") as patient:
        return asyncio.run(family.examine(patient))


def test_the_doctor_before_the_first_start(places: Places) -> None:
    (found,) = seen(places)
    assert (found.level, found.about) == (Level.NOTE, "MIRROR_INVITE")
    assert not places.membership.exists()


def test_the_doctor_has_the_line_to_paste(places: Places) -> None:
    known(places, **WAITING)
    (found,) = seen(places)
    assert (found.level, found.fact.startswith("hub.example.org does not let us in")) == (Level.ERROR, True)
    assert "Connection refused" in found.fact
    line = found.paste.removeprefix("mirrorctl admit ")
    said = statement.read(STATEMENT, line).opened(STATEMENT, Statement, OFFERED.secret)
    assert (said.wants, said.name) == ("join", "leaf.example.org")
    assert OFFERED.secret not in str(found)


def test_the_doctor_of_a_member(places: Places) -> None:
    known(places, **JOINED)
    (found,) = seen(places)
    assert (found.level, "joined hub.example.org as leaf.example.org" in found.fact) == (Level.OK, True)
    known(places, **JOINED, trouble="hub.example.org has no time for us now", cure="it is tried again")
    (found,) = seen(places)
    assert (found.level, found.cure) == (Level.WARNING, "it is tried again")


def test_the_doctor_of_one_who_was_put_out(places: Places) -> None:
    known(places, **REVOKED)
    (found,) = seen(places)
    assert (found.level, found.paste, found.cure) == (Level.ERROR, "", "ask")


def test_the_doctor_says_nothing_twice(places: Places) -> None:
    assert seen(places, MIRROR_INVITE="hunter2") == []
    with prepared(effective.read({"MIRROR_NAME": "x"}, places), places, None, "") as patient:
        assert asyncio.run(family.examine(patient)) == []


def test_an_upstream_that_refuses_a_guest(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    known(places)
    with prepared(effective.read({"MIRROR_INVITE": OFFERED.token}, places), places, None, "") as patient:
        ways = upstreams._ways(patient, "debian")
        found = asyncio.run(refusals._refused(ways[0]))
    assert (found.about, "mirrorctl join" in found.cure) == ("MIRROR_INVITE", True)


def test_a_statement_is_younger_than_the_one_before(places: Places) -> None:
    settings = effective.load({"MIRROR_INVITE": OFFERED.token}, places)
    before = known(places, said_at=5_000_000_000)
    assert standing.said(before, OFFERED, settings, LEAF_KEY, time.time()).said_at == 5_000_000_001


def test_the_user_of_each_generation(places: Places) -> None:
    first = known(places)
    assert standing.next_user(first, OFFERED) == "leaf.example.org_2"
    assert standing.next_user(first.changed(user="leaf.example.org_9"), OFFERED) == "leaf.example.org_10"


def test_the_page_says_by_whom(places: Places) -> None:
    picture = told.picture(OFFERED, known(places, **JOINED), ("debian",))
    (fact,) = view._invited(picture, "debian", 1_800_007_200.0)
    assert (fact.term, fact.words) == ("invited by", "hub.example.org, joined 2 h ago")
    assert not [*view._invited(picture, "other", 0)]
    assert not [*view._invited(None, "debian", 0)]
