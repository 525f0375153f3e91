from __future__ import annotations

from typing import Any

import pytest

from appliance.doors import line
from appliance.doors.line import Line, duration, sentence
from appliance.run import figures


def progress(**known: Any) -> dict[str, Any]:
    return {
        "run": 1, "stage": "payload", "stage_seconds": 12.0, "planned_files": 2345, "files": 1234,
        "planned_bytes": 1_200_000_000, "bytes": 300_000_000, "fetched_bytes": 300_000_000,
        "bytes_per_second": 8_100_000.0, "remaining_seconds": 111.1, "differences": 0, **known,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("known", "text"),
    [
        ({}, "payload 25 %, 1 min 50 s left, 300.0 MB of 1.2 GB, 8.1 MB/s, 1,234/2,345 files"),
        ({"planned_files": 0, "bytes_per_second": None}, "payload, 12 s"),
        ({"remaining_seconds": None, "bytes_per_second": 0.0},
         "payload 25 %, 300.0 MB of 1.2 GB, 0 bytes/s, 1,234/2,345 files"),
        ({"stage": "index", "planned_bytes": 0, "planned_files": 3, "files": 0, "bytes_per_second": None,
          "remaining_seconds": None}, "indices, 12 s, 0/3 files"),
        ({"stage": "plan", "differences": 1, "bytes_per_second": None, "stage_seconds": 1.0},
         "comparing with the upstream, 1 difference so far"),
        ({"stage": "plan", "differences": 12345, "bytes_per_second": None},
         "comparing with the upstream, 12,345 differences so far, 12 s"),
        ({"stage": "plan", "bytes_per_second": None, "stage_seconds": 1.0}, "comparing with the upstream"),
        ({"stage": "verify", "bytes_per_second": None, "stage_seconds": 200.0}, "verifying, 3 min 20 s"),
    ],
)  # fmt: skip
def test_a_run_in_one_sentence(known: dict[str, Any], text: str) -> None:
    assert sentence(progress(**known)) == text


def test_every_stage_has_words() -> None:
    assert tuple(line.STAGES) == figures.STAGES


@pytest.mark.parametrize(
    ("seconds", "about", "text"),
    [
        (0.42, False, "0.4 s"),
        (0.42, True, "1 s"),
        (59.4, False, "59 s"),
        (59.6, False, "1 min 0 s"),
        (125, False, "2 min 5 s"),
        (125, True, "2 min 0 s"),
        (3599, True, "1 h 0 min"),
        (3 * 3600 + 240, False, "3 h 4 min"),
        (200_000, False, "2 d 7 h"),
    ],
)
def test_lengths_of_time(seconds: float, about: bool, text: str) -> None:
    assert duration(seconds, about) == text


def test_where_nothing_can_be_redrawn_there_is_a_line_for_each_stage(capfd: pytest.CaptureFixture[str]) -> None:
    with Line() as shown:
        for stage in ("plan", "plan", "payload", "payload", "publish"):
            shown.show(stage, f"now {stage}")
    assert capfd.readouterr() == ("", "now plan\nnow payload\nnow publish\n")


def test_and_of_a_long_one_now_and_then_another(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line, "BETWEEN", 0)
    with Line() as shown:
        shown.show("plan", "once")
        shown.show("plan", "twice")
    assert capfd.readouterr().err == "once\ntwice\n"


def test_silence(capfd: pytest.CaptureFixture[str]) -> None:
    with Line(silent=True) as shown:
        shown.show("plan", "now")
    assert capfd.readouterr() == ("", "")
