from __future__ import annotations

from typing import Any

import pytest

from appliance.board import saying


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "0 s"), (-3, "0 s"), (59.4, "59 s"), (60, "1 min"), (119, "1 min"), (3600, "1 h"),
     (3 * 3600 + 1300, "3 h 21 min"),     (11 * 3600 + 1300, "11 h"), (90000, "1 d 1 h"), (40 * 86400, "40 d")],
)  # fmt: skip
def test_spans(seconds: float, said: str) -> None:
    assert saying.span(seconds) == said


@pytest.mark.parametrize(
    ("count", "said"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (9_960, "10 kB"), (999_600, "1.0 MB"), (38_400_000, "38 MB"),
     (10**18, "1000 PB")],
)  # fmt: skip
def test_sizes(count: float, said: str) -> None:
    assert saying.size(count) == said


def test_what_is_not_known_is_said_so() -> None:
    assert (saying.ago(None, 5), saying.moment(None), saying.behind(None, None)) == ("never", "–", "")
    assert saying.behind(2, 7300) == "2 publications, 2 h 1 min behind"
    assert saying.behind(1, 60) == "1 publication, 1 min behind"


@pytest.mark.parametrize(
    ("archive", "said"),
    [
        ({"state": "running", "stage": "verify"}, "checking signatures and hashes"),
        ({"state": "running", "stage": "another"}, "at work"),
        ({"state": "failing"}, "failed, waits for a trigger"),
        ({"state": "failing", "next_try_at": 130}, "failed, tries again in 30 s"),
        ({"state": "paused", "next_try_at": 130}, "paused, requests wait"),
        ({"state": "waiting"}, "about to begin"),
        ({"state": "idle"}, "waiting for news"),
    ],
)
def test_what_an_archive_does(archive: dict[str, Any], said: str) -> None:
    assert saying.doing({"stage": None, "next_try_at": None, **archive}, 100) == said


def test_every_stage_of_a_run_has_words() -> None:
    from appliance.run.figures import STAGES

    assert set(saying.STAGES) == set(STAGES)
