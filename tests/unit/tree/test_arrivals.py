from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.records import Sighting
from appliance.store import Store
from appliance.store.timings import PROPAGATION
from appliance.tree import arrivals
from appliance.tree.arrivals import tier


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path / "store")
    for number in range(1, 4):
        store.published("debian", f"202611210{number}", number * 100.0)
    yield store
    store.close()


@pytest.mark.parametrize(
    ("mirror", "steps"),
    [("hub", 1), ("leaf", 2), ("lonely", 0), ("orphan", 0), ("one", 0), ("nobody", 0), ("us", 0)],
)
def test_how_far_away_a_mirror_is(mirror: str, steps: int) -> None:
    parents = {"hub": "us", "leaf": "hub", "lonely": None, "orphan": "gone", "one": "two", "two": "one", "us": None}
    assert tier(mirror, parents, "us") == steps


def test_of_what_is_seen_only_what_is_new_counts(store: Store) -> None:
    def seen(serial: str | None, changed_at: float | None) -> None:
        everybody = [
            Sighting("us", "debian", None, "self", serial="2026112103", changed_at=300.0),
            Sighting("hub.example.org", "debian", "us", "downstream", serial=serial, changed_at=changed_at),
            Sighting("leaf", "debian", "hub.example.org", "report", serial=serial, changed_at=changed_at),
            Sighting("mute", "debian", "us", "registered"),
        ]
        arrivals.note(store, "us", everybody, everybody, {"hub.example.org": "hub"})

    seen("2026112101", 101.0)
    store.arrived("hub", "debian", "2026112102", 1, 203.0)  # its own answer comes first
    seen("2026112102", 205.0)
    seen("2026112102", 205.0)
    seen(None, None)
    seen("2026112103", 304.0)
    found = {(one.subject, one.word): (sum(one.counts), one.seconds) for one in store.timings(PROPAGATION)}
    assert found == {("hub", "1"): (2, 3.0 + 4.0), ("leaf", "2"): (2, 5.0 + 4.0)}
