from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.records import Sighting
from appliance.settings.registered import RegisteredMirror
from appliance.tree.place import places
from appliance.tree.redirect import Table, Wants
from tests.unit.tree.seen import mirror, us

OLD, NEW = 2026112101, 2026112102
METADATA = Wants(0, metadata=True)
CLIENTS = [f"192.0.2.{number}".encode() for number in range(250)]


def table(*seen: Sighting, registry: tuple[RegisteredMirror, ...] = ()) -> Table:
    return Table(places("debian", seen, registry))


def chosen(of: Table, wants: Wants) -> set[str]:
    return {best[0].name.partition(".")[0] if (best := of.choose(wants, who)) else "us" for who in CLIENTS}


def reason(seen: Sighting, wants: Wants) -> str:
    of = table(us(), seen)
    return of.refusal(of.places[1], wants)


@pytest.mark.parametrize(
    ("seen", "wants", "why"),
    [
        (mirror("a", listed=False), METADATA, "not registered"),
        (mirror("a", url="rsync://{}.example.org/debian"), METADATA, "no http"),
        (mirror("a", error="timed out"), METADATA, "timed out"),
        (mirror("a", serial=None, fresh="unknown"), METADATA, "never seen"),
        (mirror("a", fresh="stale"), Wants(OLD), "is stale"),
        (mirror("a", fresh="bad"), Wants(OLD), "is bad"),
        (mirror("a", url="http://{}.example.org/debian"), Wants(OLD, secure=True), "no https"),
        (mirror("a", "2026112101"), METADATA, "not consistently at our serial 2026112102"),
        (mirror("a", consistent=False), METADATA, "not consistently"),
        (mirror("a", "2026112101"), Wants(NEW), "does not carry"),
        (mirror("a"), Wants(None), "does not carry"),
    ],
)
def test_nobody_is_sent_where_that_would_not_do(seen: Sighting, wants: Wants, why: str) -> None:
    assert why in reason(seen, wants)
    assert chosen(table(us(), seen), wants) == {"us"}


def test_a_mirror_that_is_late_gives_what_it_has_and_no_metadata() -> None:
    of = table(us(), mirror("late", "2026112101"), mirror("here"))
    assert chosen(of, METADATA) == {"here"}
    assert chosen(of, Wants(NEW)) == {"here"}
    assert chosen(of, Wants(OLD)) == {"here", "late"}


def test_a_mirror_ahead_of_us_has_what_we_have_not() -> None:
    of = table(us(), mirror("ahead", "2026112103"), mirror("here"))
    assert chosen(of, Wants(NEW + 1)) == {"ahead"}
    assert chosen(of, METADATA) == {"ahead", "here"}


def test_clients_stay_in_their_country_while_there_is_a_mirror() -> None:
    of = table(us(), mirror("de", country="de"), mirror("fr", country="fr"), mirror("far", weight=0, country="jp"))
    assert chosen(of, Wants(OLD, country="fr")) == {"fr"}
    assert chosen(of, Wants(OLD, country="us")) == {"de", "fr"}
    assert chosen(of, Wants(OLD, country="jp")) == {"de", "fr"}, "weight 0 is for when there are no others"
    assert chosen(table(us(), mirror("far", weight=0)), Wants(OLD)) == {"far"}


def test_we_get_a_share_only_when_registered_like_the_others() -> None:
    assert chosen(table(us(), mirror("a")), METADATA) == {"a"}
    own = RegisteredMirror("us.example.org", ("https://us.example.org/*",), weight=100)
    assert chosen(table(us(), mirror("a"), registry=(own,)), METADATA) == {"a", "us"}


def test_shares_follow_the_weights() -> None:
    of = table(us(), mirror("light", weight=100), mirror("heavy", weight=300))
    counts = Counter(of.choose(METADATA, f"{number}".encode())[0].name for number in range(4000))
    assert 2.2 < counts["heavy.example.org"] / counts["light.example.org"] < 4.2


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 60), min_size=2, max_size=12, unique=True), st.integers(0, 11))
def test_a_mirror_that_goes_moves_only_its_own_clients(numbers: list[int], which: int) -> None:
    seen = [mirror(f"m{number}") for number in numbers]
    gone = seen[which % len(seen)]
    before, after = table(us(), *seen), table(us(), *(one for one in seen if one is not gone))
    for who in CLIENTS[:60]:
        first = before.choose(METADATA, who)[0].name
        assert first == gone.mirror or after.choose(METADATA, who)[0].name == first


def test_every_candidate_is_explained_the_chosen_one_first() -> None:
    of = table(us(), mirror("a", country="de"), mirror("b", country="fr"), mirror("c", fresh="bad"))
    verdicts = of.explain(Wants(0, metadata=True, country="de"), b"192.0.2.1")
    assert [one.place.name.partition(".")[0] for one in verdicts] == ["a", "b", "c", "us"]
    assert [one.fit for one in verdicts] == [True, False, False, False]
    assert [one.reason for one in verdicts] == [
        "is where this client is sent",
        "is in another country",
        "is bad",
        "are ourselves: for who finds nobody else",
    ]


def test_an_archive_without_serials_is_served_by_ourselves() -> None:
    of = table(us(None), mirror("a", None, "unknown"))
    assert chosen(of, METADATA) == chosen(of, Wants(1)) == {"us"}
