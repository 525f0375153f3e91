from __future__ import annotations

import pytest

from appliance.records import Publication
from appliance.tree.freshness import HOUR, History

NOW = 1_000_000_000.0


def history(*ages: float) -> History:
    """Serials 1, 2, …, published so many hours ago."""
    return History(Publication(n, str(n), NOW - age * HOUR) for n, age in enumerate(ages, 1))


@pytest.mark.parametrize(
    ("hours", "word"),
    [(0, "fresh"), (8, "fresh"), (8.01, "stale"), (24, "stale"), (24.01, "unlisted"), (48, "unlisted"), (48.01, "bad")],
)
def test_the_words(hours: float, word: str) -> None:
    standing = history(100, hours).standing("1", NOW)
    assert (standing.fresh, standing.missed) == (word, 1)
    assert standing.lag == pytest.approx(hours * HOUR)


def test_who_carries_our_serial_or_a_newer_one_is_fresh_at_any_age() -> None:
    for serial in ("2", "3"):
        standing = history(2000, 1000).standing(serial, NOW)
        assert (standing.fresh, standing.missed, standing.lag) == ("fresh", 0, 0)


def test_lag_begins_with_the_first_publication_that_is_missing() -> None:
    standing = history(90, 30, 20, 1).standing("1", NOW)
    assert (standing.fresh, standing.missed, standing.lag) == ("unlisted", 3, 30 * HOUR)


@pytest.mark.parametrize("serial", [None, "", "unknown", "1x", "9" * 19, "-1", "²"])
def test_without_a_serial_nothing_is_known(serial: str | None) -> None:
    assert history(1).standing(serial, NOW).fresh == "unknown"
    assert History().standing("1", NOW).fresh == "unknown"


def test_who_is_not_seen_may_be_anything_by_now() -> None:
    assert history(1000).standing("1", NOW, unseen=25 * HOUR).fresh == "unlisted"
    assert history(1000).standing("1", NOW, unseen=25 * HOUR).lag == 0


def test_a_serial_counts_once_and_since_it_was_first_published() -> None:
    pubs = [Publication(1, "1", NOW - 9), Publication(2, "2", NOW - 8), Publication(3, "2", NOW - 1)]
    standing = History([*pubs, Publication(4, None, NOW)]).standing("1", NOW)
    assert (standing.missed, standing.lag) == (1, 8)


def test_what_was_taken_back_is_missed_by_nobody() -> None:
    pubs = [Publication(1, "1", NOW - 9), Publication(2, "2", NOW - 8), Publication(3, "1", NOW - 1)]
    for serial in ("1", "2"):
        standing = History(pubs).standing(serial, NOW)
        assert (standing.fresh, standing.missed) == ("fresh", 0)


def test_without_serials_the_number_of_the_publication_tells() -> None:
    pubs = [Publication(1, None, NOW - 20 * HOUR), Publication(2, None, NOW - 9 * HOUR)]
    standing = History(pubs).standing(None, NOW, publication=1)
    assert (standing.fresh, standing.missed, standing.lag) == ("stale", 1, 9 * HOUR)
    assert History(pubs).standing(None, NOW, publication=2).fresh == "fresh"
    assert History(pubs).standing(None, NOW).fresh == "unknown"
