"""How long, how often and in which time zone."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError
from pydantic import AfterValidator, BeforeValidator, PlainSerializer

from appliance.settings.faults import Fault

UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
FIELDS = 5
"""Of a cron expression (crontab(5))."""
DURATION = re.compile(r"([0-9]{1,9})([smhd]?)")


def parse_duration(value: Any) -> Any:
    """Seconds from `90`, `90s`, `10m`, `6h`, `7d` or `off` (0)."""
    if not isinstance(value, str):
        return value
    text = value.strip().lower()
    if text == "off":
        return 0
    if not (match := DURATION.fullmatch(text)):
        raise Fault(f"{value!r} is not a duration", "write a whole number and s, m, h or d, such as 90s or 6h, or off")
    return int(match[1]) * UNITS[match[2]]


def spell_duration(seconds: int) -> str:
    """The shortest text that `parse_duration` reads as the same number."""
    if not seconds:
        return "off"
    unit = next(unit for unit in ("d", "h", "m", "s") if seconds % UNITS[unit] == 0)
    return f"{seconds // UNITS[unit]}{unit}"


def schedule(text: str) -> str:
    """An interval, or a cron expression of five fields; empty for none, which is also written `off` or `0`."""
    interval = text.strip().lower()
    if interval in ("", "off") or DURATION.fullmatch(interval):
        return interval if interval and parse_duration(interval) else ""
    try:
        # With a sixth field in front it would read seconds.
        if len(text.split()) != FIELDS:
            raise CronSimError("Wrong number of fields")
        CronSim(text, datetime(2026, 1, 1))
    except CronSimError as error:
        cure = "write every how often, such as 2h, or minute hour day month weekday, such as 1 */2 * * *"
        raise Fault(f"{text!r} is no interval and no cron expression ({error})", cure) from None
    return text


def zone(text: str) -> str:
    """A name of the time zone database."""
    try:
        ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise Fault(f"{text!r} is not a time zone", "write a name such as UTC or Europe/Paris") from None
    return text


Seconds = Annotated[int, BeforeValidator(parse_duration), PlainSerializer(spell_duration)]


Schedule = Annotated[str, AfterValidator(schedule)]
Zone = Annotated[str, AfterValidator(zone)]
