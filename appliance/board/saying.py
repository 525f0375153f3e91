"""Figures as people say them: ages, sizes, moments, and what an archive or a mirror is doing."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Final

NOTHING: Final = "–"

_AGES: Final = ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 0, ""))
_SIZES: Final = ("B", "kB", "MB", "GB", "TB", "PB")
_NEXT: Final = 999.5
"""From here on it would be told as a thousand, which is one of the next unit."""

_ROUND: Final = 10
"""From so many of a larger unit on, the smaller one is noise."""

STAGES: Final[Mapping[str, str]] = {
    "plan": "comparing with upstream",
    "upstream": "waiting: upstream is being updated",
    "payload": "fetching payload",
    "tree": "waiting for the mirrors below",
    "index": "fetching indices",
    "verify": "checking signatures and hashes",
    "publish": "publishing",
}

FRESH: Final[Mapping[str, str]] = {
    "fresh": "fresh",
    "stale": "stale",
    "unlisted": "over a day behind",
    "bad": "over two days behind",
    "unknown": "not seen yet",
}


def span(seconds: float) -> str:
    """A duration, in one or two units."""
    for size, unit, smaller, name in _AGES:
        if seconds >= size:
            whole, rest = divmod(seconds, size)
            more = f" {rest // smaller:.0f} {name}" if smaller and whole < _ROUND and rest >= smaller else ""
            return f"{whole:.0f} {unit}{more}"
    return f"{max(0, seconds):.0f} s"


def ago(when: float | None, now: float) -> str:
    """How long ago a moment was."""
    return f"{span(now - when)} ago" if when is not None else "never"


def moment(when: float | None) -> str:
    """A moment, in UTC."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(when)) if when is not None else NOTHING


def iso(when: float) -> str:
    """A moment as ``<time datetime>`` wants it."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(when))


def size(count: float) -> str:
    """Bytes, in decimal units."""
    power = 0
    while count >= _NEXT and power < len(_SIZES) - 1:
        count, power = count / 1000, power + 1
    return f"{count:.0f} {_SIZES[power]}" if not power or round(count, 1) >= _ROUND else f"{count:.1f} {_SIZES[power]}"


def number(count: int) -> str:
    """A whole number, its thousands apart by thin spaces."""
    return f"{count:,}".replace(",", "\u202f")


def some(count: int, one: str, more: str = "") -> str:
    """A number of things: ``1 mirror``, ``12 mirrors``."""
    return f"{number(count)} {one if count == 1 else more or f'{one}s'}"


def behind(missed: int | None, lag: float | None) -> str:
    """How far a mirror is behind; empty when it is not."""
    parts = [
        f"{some(missed, 'publication')}" if missed else "",
        span(lag) if lag else "",
    ]
    said = ", ".join(filter(None, parts))
    return f"{said} behind" if said else ""


def share(progress: Mapping[str, Any]) -> float | None:
    """How much of what a run's plan is about is here, 0 to 1; None while there is no plan."""
    planned = progress["planned_bytes"] or progress["planned_files"]
    done = progress["bytes"] if progress["planned_bytes"] else progress["files"]
    return min(1.0, done / planned) if planned else None


def doing(archive: Mapping[str, Any], now: float) -> str:
    """What an archive is doing now."""
    if archive["state"] == "running":
        return STAGES.get(archive["stage"] or "", "at work")
    if archive["state"] == "paused":
        return "paused, requests wait"
    if archive["next_try_at"]:
        return f"failed, tries again {_in(archive['next_try_at'] - now)}"
    if archive["state"] == "failing":
        return "failed, waits for a trigger"
    return "about to begin" if archive["state"] == "waiting" else "waiting for news"


def _in(seconds: float) -> str:
    return f"in {span(seconds)}" if seconds > 0 else "now"


def travel(progress: Mapping[str, Any]) -> str:
    """How far a run is, in figures; empty while there are none."""
    if not progress["planned_files"]:
        return f"{some(progress['differences'], 'difference')} so far" if progress["differences"] else ""
    parts = [f"{number(progress['files'])} of {some(progress['planned_files'], 'file')}"]
    if progress["planned_bytes"]:
        parts.append(f"{size(progress['bytes'])} of {size(progress['planned_bytes'])}")
    if progress["bytes_per_second"]:
        parts.append(f"{size(progress['bytes_per_second'])}/s")
    if progress["remaining_seconds"]:
        parts.append(f"{span(progress['remaining_seconds'])} left")
    return ", ".join(parts)
