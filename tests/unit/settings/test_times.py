from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.settings.faults import Fault
from appliance.settings.times import parse_duration, schedule, spell_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90", 90), ("90s", 90), ("10m", 600), ("6h", 21600), ("7d", 604800), ("off", 0), (" 6H ", 21600), ("0", 0)],
)
def test_durations(text: str, seconds: int) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "6 h", "-1", "1w", "h", "1.5h", "1h30m", "٣", "9999999999"])
def test_what_is_no_duration_is_told(text: str) -> None:
    with pytest.raises(Fault, match="is not a duration"):
        parse_duration(text)


@given(st.integers(0, 10**9 - 1))
def test_a_spelt_duration_reads_as_itself(seconds: int) -> None:
    assert parse_duration(spell_duration(seconds)) == seconds


@given(st.text())
def test_any_text_is_a_duration_or_a_fault(text: str) -> None:
    with contextlib.suppress(Fault):
        assert parse_duration(text) >= 0


@pytest.mark.parametrize("text", ["", "off", " OFF ", "0", "0h"])
def test_no_schedule(text: str) -> None:
    """An interval of nothing would be one sync behind the other."""
    assert schedule(text) == ""


@pytest.mark.parametrize("text", ["2h", "1 */2 * * *", "5 4 * * sun"])
def test_schedules(text: str) -> None:
    assert schedule(text) == text


@pytest.mark.parametrize("text", ["* * * * * *", "@daily", "every hour", "61 * * * *"])
def test_what_is_no_schedule_is_told(text: str) -> None:
    with pytest.raises(Fault, match="no interval and no cron expression"):
        schedule(text)
