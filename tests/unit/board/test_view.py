from __future__ import annotations

from typing import Any

import pytest

from appliance.board.view import counts, headline

WELL = {"error": None, "state": "idle", "published_at": 1.0}
PAUSED, EMPTY = WELL | {"state": "paused"}, WELL | {"published_at": None}
FAILING, SYNCING = WELL | {"error": "why", "state": "failing"}, WELL | {"state": "running"}


@pytest.mark.parametrize(
    ("archives", "said"),
    [
        ({"debian": WELL}, "Everything is fresh."),
        ({"debian": PAUSED, "security": WELL}, "debian is paused."),
        ({"debian": PAUSED, "security": PAUSED}, "debian and security are paused."),
        ({"debian": PAUSED, "security": FAILING}, "security does not sync. debian is paused."),
        ({"debian": EMPTY}, "debian has nothing published yet."),
        ({"debian": SYNCING}, "Everything is fresh. debian is syncing."),
    ],
)
def test_what_is_wrong_comes_first_and_nothing_is_passed_over(archives: dict[str, Any], said: str) -> None:
    assert headline(archives, []) == said


def test_mirrors_are_counted_by_how_fresh_they_are() -> None:
    seen = [{"fresh": "fresh"}, {"fresh": "fresh"}, {"fresh": "bad"}]
    assert counts(seen) == "3 mirrors: 2 fresh, 1 over two days behind"
    assert counts([]) == "no mirror is known"
