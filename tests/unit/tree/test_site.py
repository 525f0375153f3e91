from __future__ import annotations

import re
from typing import Any

import pytest

from appliance.tree.site import mirrorz, tunasync

ARCHIVE: dict[str, Any] = {
    "role": "mirror",
    "upstream": "rsync://up.example.org/debian",
    "published_at": 1_800_000_000.5,
    "state": "idle",
    "last_run": {"started_at": 1_799_999_000.0, "ended_at": 1_799_999_100.0},
    "next_try_at": None,
}
NEVER: dict[str, Any] = {**ARCHIVE, "published_at": None, "last_run": None, "upstream": None}


def test_tunasync_s_names_to_the_letter() -> None:
    (job,) = tunasync({"debian": ARCHIVE})
    assert job == {
        "name": "debian",
        "is_master": True,
        "status": "success",
        "last_update": "2027-01-15 08:00:00 +0000",
        "last_update_ts": 1_800_000_000,
        "last_started": "2027-01-15 07:43:20 +0000",
        "last_started_ts": 1_799_999_000,
        "last_ended": "2027-01-15 07:45:00 +0000",
        "last_ended_ts": 1_799_999_100,
        "next_schedule": "0001-01-01 00:00:00 +0000",
        "next_schedule_ts": -62135596800,
        "upstream": "rsync://up.example.org/debian",
        "size": "unknown",
    }


@pytest.mark.parametrize(
    ("archive", "word", "letters"),
    [
        (ARCHIVE, "success", "S1800000000"),
        ({**ARCHIVE, "state": "running"}, "syncing", "Y1799999000O1800000000"),
        ({**ARCHIVE, "state": "failing", "next_try_at": 1_800_000_600.0}, "failed",
         "F1799999000X1800000600O1800000000"),
        ({**NEVER, "state": "failing", "last_run": ARCHIVE["last_run"]}, "failed", "F1799999000"),
        (NEVER, "none", "U"),
    ],
)  # fmt: skip
def test_the_state_in_their_words(archive: dict[str, Any], word: str, letters: str) -> None:
    assert tunasync({"debian": archive})[0]["status"] == word
    (mirror,) = mirrorz({"url": "https://us.example.org", "abbr": "US"}, {"debian": archive})["mirrors"]
    assert mirror["status"] == letters
    assert re.fullmatch(r"([A-Z]([0-9]+)?)+", letters), "the pattern that MirrorZ gives"


def test_mirrorz() -> None:
    text = mirrorz({"url": "https://us.example.org", "abbr": "US"}, {"debian": ARCHIVE})
    assert text["version"] == 1.4
    assert text["site"] == {"url": "https://us.example.org", "abbr": "US"}
    assert text["mirrors"][0]["cname"] == "debian"
    assert text["mirrors"][0]["url"] == "/debian"
