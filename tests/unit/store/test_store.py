from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.records import Request, Sighting
from appliance.run.gone import doomed
from appliance.store import Store, runs
from appliance.store.requests import FRESH, KEPT
from appliance.store.timings import BOUNDS, PROPAGATION, RUN, STAGE


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path / "state" / "store.sqlite3")
    yield store
    store.close()


def request(id: str, archive: str = "debian", due: float = 0) -> Request:
    return Request(id, archive, "all", False, "ssh", "hub", received=1, due=due)


def test_a_request_survives_the_process(tmp_path: Path) -> None:
    for _ in range(2):
        store = Store(tmp_path / "store.sqlite3")
        store.add([request("1")])
        store.close()
    store = Store(tmp_path / "store.sqlite3")
    assert store.open_requests("debian") == [request("1")]
    store.close()


def test_answered_requests_are_not_open_but_can_be_asked_for(store: Store) -> None:
    store.add([request("1"), request("2", due=5), request("3", "other")])
    assert [one.id for one in store.open_requests("debian")] == ["1", "2"]
    store.answer([request("1")], 4, "index stage failed")
    assert [one.id for one in store.open_requests("debian")] == ["2"]
    answered = store.request("1")
    assert answered
    assert (answered.code, answered.answer) == (4, "index stage failed")
    assert store.request("nobody's") is None


def test_runs(store: Store) -> None:
    store.add([request("1")])
    run = store.begin("debian", "sync", "ssh", [request("1")], 10)
    assert store.open_requests("debian")[0].run == run
    store.end(run, "error", 12, "no route", bytes=5)
    store.end(store.begin("debian", "sync", "ssh", [], 13), "error", 14)
    assert store.archive("debian").failures == 2
    last = store.begin("debian", "sync", "ssh", [], 15)
    store.end(last, "success", 16, serial="7", payload=3)
    assert store.archive("debian").failures == 0
    found = store.last_run("debian")
    assert found
    assert (found.id, found.serial, found.payload, store.count_runs("debian")) == (last, "7", 3, 3)
    assert store.results() == {("debian", "sync", "error"): 2, ("debian", "sync", "success"): 1}
    assert store.bytes_fetched("debian") == 5


def test_a_crash_leaves_runs_that_a_start_ends(store: Store) -> None:
    store.add([request("1")])
    run = store.begin("debian", "sync", "ssh", [request("1")], 10)
    assert [one.id for one in store.interrupt(20)] == [run]
    assert store.interrupt(30) == []
    assert store.results() == {("debian", "sync", "error"): 1}
    store.begin("debian", "sync", "ssh", [], 40)
    other = store.begin("other", "sync", "ssh", [], 40)
    assert [one.id for one in store.interrupt(50, "other")] == [other]
    assert store.open_requests("debian")


def test_old_runs_go_and_what_was_counted_stays(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "KEPT", 3)
    first = store.begin("debian", "sync", "ssh", [], 1)
    store.publishing("debian", first)
    store.end(first, "error", 2, bytes=100)
    other = store.begin("other", "sync", "ssh", [], 1)
    store.end(other, "noop", 2)
    ids = []
    for number in range(10):
        ids.append(store.begin("debian", "sync", "ssh", [], number))
        store.end(ids[-1], "success", number, bytes=10)
        assert store.count_runs("debian") == number + 2
        assert store.bytes_fetched("debian") == 100 + 10 * (number + 1)
    assert store.run(first), "its publication is not finished"
    assert store.run(other)
    assert [id for id in ids if store.run(id)] == ids[-3:]
    assert store.results()["debian", "sync", "success"] == 10


def test_failures_in_a_row_are_of_one_cause(store: Store) -> None:
    def end(result: str, **figures: str) -> None:
        store.end(store.begin("debian", "sync", "ssh", [], 1), result, 2, **figures)

    assert store.in_a_row("debian", "network") == 0
    for cause in ("busy", "network", "network"):
        end("error", cause=cause)
    store.begin("debian", "sync", "ssh", [], 3)
    assert (store.in_a_row("debian", "network"), store.in_a_row("debian", "busy")) == (2, 0)
    end("success")
    assert store.in_a_row("debian", "network") == 0


def test_publication(store: Store) -> None:
    run = store.begin("debian", "sync", "ssh", [], 10)
    store.publishing("debian", run, True)
    assert store.archive("debian").publishing == run
    assert store.published("debian", "2026112101", 20) == 1
    state = store.archive("debian")
    assert (state.publishing, state.serial, state.published, state.signed) == (None, "2026112101", 20, 1)
    assert store.published("debian", None, 30) == 2


def test_what_went_before_a_publication_could_be_has_gone_with_it(store: Store) -> None:
    """Until then an index named it, so its grace time begins there: a refused update may have lasted for days."""
    store.published("debian", None, 20)
    store.doom("debian", ["old"], 10)
    for archive in ("debian", "other"):
        store.doom(archive, ["fresh"], 30)
    store.published("debian", None, 1000)
    store.published("debian", None, 2000)
    assert dict(store.next_doomed("debian", "", 9)) == {"old": 10, "fresh": 1000}
    assert dict(store.next_doomed("other", "", 9)) == {"fresh": 30}


PATHS = st.lists(st.text(min_size=1).filter(lambda text: "\0" not in text), unique=True, max_size=8)


@given(PATHS, PATHS)
def test_what_comes_back_upstream_is_no_longer_doomed(first: list[str], second: list[str]) -> None:
    store = Store(Path(":memory:"))
    store.doom("debian", first, 100)
    store.doom("debian", second, 200)
    store.spare("debian", set(first) - set(second))
    assert store.doomed("debian") == set(second)
    since = {path: 100 if path in first else 200 for path in second}
    assert asyncio.run(doomed(store, "debian", 100)) == {path for path in second if since[path] == 100}
    assert asyncio.run(doomed(store, "debian")) == set(second)
    assert sorted(pages(store)) == sorted(since.items())
    store.buried("debian", second)
    assert asyncio.run(doomed(store, "debian")) == set()
    store.close()


def pages(store: Store) -> Iterator[tuple[str, float]]:
    """All that is doomed, two at a time."""
    after = ""
    while rows := store.next_doomed("debian", after, 2):
        yield from rows
        after = rows[-1][0]


def test_the_last_walk_says_what_is_refused(store: Store) -> None:
    store.refuse("debian", 7, ["one: why", "two: why"])
    assert (store.archive("debian").refused, store.archive("debian").refused_paths) == (7, ("one: why", "two: why"))
    store.refuse("debian", 0, [])
    assert (store.archive("debian").refused, store.archive("debian").refused_paths) == (0, ())


def test_names_that_are_no_text(store: Store) -> None:
    raw = b"raw\xe9:".decode("utf-8", "surrogateescape")
    store.doom("debian", [raw, "colon:"], 1)
    assert set(pages(store)) == {(raw, 1), ("colon:", 1)}


def test_a_newer_publication_supersedes_an_older_delivery(store: Store) -> None:
    store.deliver(["leaf"], "debian", 1, "01", 10)
    first = store.delivery("leaf", "debian")
    assert first
    assert store.tell(first, "failing", "no route", 50, 1)
    store.deliver(["leaf"], "debian", 2, "02", 20)
    assert not store.tell(first, "delivered")
    second = store.delivery("leaf", "debian")
    assert second
    assert (second.state, second.publication, second.attempts, second.error) == ("pending", 2, 1, "no route")
    assert store.tell(second, "delivered", attempts=2)
    store.deliver(["leaf"], "debian", 3, "03", 30)
    third = store.delivery("leaf", "debian")
    assert third
    assert (third.state, third.attempts, third.error) == ("pending", 0, "")
    store.forget_delivery("leaf", "debian")
    assert store.deliveries() == []


def test_who_is_lost_stays_so_and_what_it_carries_is_kept(store: Store) -> None:
    store.deliver(["leaf", "other"], "debian", 1, "2026112101", 10)
    first = store.deliveries("leaf")[0]
    assert not first.is_confirmed
    store.seen("leaf", "debian", "2026112101", 12)
    assert store.deliveries("leaf")[0].is_confirmed
    assert store.tell(first, "lost", "no route", 5000, 8)
    store.deliver(["leaf"], "debian", 2, "2026112102", 20)
    (told,) = store.deliveries("leaf")
    assert (told.state, told.next, told.attempts, told.publication) == ("lost", 5000, 8, 2)
    assert (told.carries, told.is_confirmed) == ("2026112101", False)
    assert store.deliveries("other")[0].publication == 1


@pytest.mark.parametrize(
    ("mine", "seen", "behind"),
    [("10", "9", True), ("10", "10", False), ("10", "11", False), (None, "1", False), ("10", "unknown", False)],
)
def test_what_is_behind(store: Store, mine: str | None, seen: str, behind: bool) -> None:
    store.deliver(["leaf"], "debian", 1, mine, 10)
    assert store.deliveries()[0].is_behind(seen) is behind


def test_what_is_to_be_repaired_is_kept_until_it_is(store: Store) -> None:
    odd = "pool/\udcff.deb"
    for _ in range(2):
        store.repair("debian", ["pool/a.deb", odd])
    store.repair("other", ["pool/a.deb"])
    assert sorted(store.repairs("debian")) == ["pool/a.deb", odd]
    store.repaired("debian", [odd, "never asked for"])
    assert store.repairs("debian") == ["pool/a.deb"]
    assert store.repairs("other") == ["pool/a.deb"]


def test_publications_are_remembered_with_their_times_and_not_for_ever(store: Store) -> None:
    for number in range(1, 301):
        store.published("debian", str(number), number * 3600.0, {"dists/\udcff/InRelease": "abc"})
    found = store.publications("debian")
    assert [one.number for one in found] == [*range(101, 301)]
    assert (found[-1].serial, found[-1].published, found[-1].digests) == (
        "300", 1080000.0, {"dists/\udcff/InRelease": "abc"},
    )  # fmt: skip
    assert [one.number for one in store.publications("debian", after=299)] == [300]
    store.published("other", None, 1.0)
    assert [(one.number, one.serial) for one in store.publications("other")] == [(1, None)]


def test_sightings_are_kept_and_forgotten(store: Store) -> None:
    one, two = (Sighting(name, "debian", "us", "registered", serial="1", lag=2.5) for name in ("one", "two"))
    store.keep_sightings([one, two])
    store.keep_sightings([replace(one, serial="2")], gone=[("two", "debian")])
    assert store.sightings() == [replace(one, serial="2")]


def test_each_publication_is_counted_once_for_whoever_is_seen_to_carry_it(store: Store) -> None:
    def told(mirror: str) -> tuple[int, float]:
        (timing,) = (one for one in store.timings(PROPAGATION) if one.subject == mirror)
        return sum(timing.counts), timing.seconds

    for number, moment in ((1, 100.0), (2, 200.0), (3, 300.0)):
        store.published("debian", f"202611210{number}", moment)
    store.arrived("leaf", "debian", "2026112101", 1, 110.0)
    assert store.timings(PROPAGATION) == []  # it had that before anybody looked
    store.arrived("leaf", "debian", "2026112102", 1, 204.0)
    assert told("leaf") == (1, 4.0)
    for serial in ("2026112102", "2026112101", "unknown"):  # what is known, old or no serial at all
        store.arrived("leaf", "debian", serial, 1, 205.0)
    store.arrived("far", "debian", "2026112101", 2, 120.0)
    store.arrived("far", "debian", "2026112109", 2, 310.0)  # ahead of us: it has both that it lacked
    assert (told("leaf"), told("far")) == ((1, 4.0), (2, 120.0))
    (timing,) = (one for one in store.timings(PROPAGATION) if one.subject == "leaf")
    assert (timing.word, timing.counts[BOUNDS.index(5)]) == ("1", 1)
    store.forget_arrivals("far", "debian")
    assert [one.subject for one in store.timings(PROPAGATION)] == ["leaf"]


def test_what_was_timed_survives_the_process_and_a_clock_set_back(tmp_path: Path) -> None:
    with closing(Store(tmp_path / "store")) as store:
        for began, ended in ((10.0, 10.05), (20.0, 20.3), (30.0, 25.0)):
            store.end(store.begin("debian", "sync", "ssh", [], began), "noop", ended)
        store.spent("debian", {"plan": 0.25, "verify": 3.0}, "walk", 7, 700)
        store.spent("debian", {"plan": 0.5}, "", 0, 0)
    with closing(Store(tmp_path / "store")) as store:
        (run,) = store.timings(RUN)
        assert (run.archive, run.subject, run.word, run.counts[:3]) == ("debian", "sync", "noop", (2, 0, 1))
        assert run.seconds == pytest.approx(0.35)
        assert {one.subject: one.seconds for one in store.timings(STAGE)} == {"plan": 0.75, "verify": 3.0}
        assert store.plans() == {("debian", "walk"): (1, 7, 700)}


def test_a_storm_that_is_answered_at_once_is_known_for_a_while(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of its senders waits for his answer; and a clock that was set back keeps none for ever."""
    many = [request(str(number)) for number in range(KEPT + 500)]
    store.add([*many, request("open")])
    store.answer(many, 0)
    assert all(store.request(one.id) for one in many)
    for seconds in (2 * FRESH, -2 * FRESH):
        now = time.time() + seconds
        monkeypatch.setattr(time, "time", lambda now=now: now)
        store.answer([], 0)
        assert len([one for one in many if store.request(one.id)]) == KEPT
    assert store.request("open")
