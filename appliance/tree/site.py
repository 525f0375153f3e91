"""What this mirror carries, in the forms that other people's status pages read: tunasync's and MirrorZ's.

Both from the archives of the status picture. The names are theirs, to the letter.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Final

MIRRORZ: Final = 1.4

_NEVER: Final = -62135596800
"""What tunasync writes for a time that never was: Go's zero, the year 1."""

_NEVER_TEXT: Final = "0001-01-01 00:00:00 +0000"


def tunasync(archives: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The list of tunasync's ``/jobs``. ``size`` is ``unknown``, as there: nobody walks a volume for it."""
    return [_row(name, archive) for name, archive in archives.items()]


def _row(name: str, archive: Mapping[str, Any]) -> dict[str, Any]:
    run = archive["last_run"] or {}
    times = {
        "last_update": archive["published_at"],
        "last_started": run.get("started_at"),
        "last_ended": run.get("ended_at"),
        "next_schedule": archive["next_try_at"],
    }
    stamps = {key: value for stem, when in times.items() for key, value in _both(stem, when)}
    return {
        "name": name,
        "is_master": True,  # of the workers that have it: there is one
        "status": _status(archive),
        **stamps,
        "upstream": archive["upstream"] or "",
        "size": "unknown",
    }


def _both(stem: str, when: float | None) -> tuple[tuple[str, str | int], tuple[str, str | int]]:
    if when is None:
        return (stem, _NEVER_TEXT), (f"{stem}_ts", _NEVER)
    return (stem, time.strftime("%Y-%m-%d %H:%M:%S +0000", time.gmtime(when))), (f"{stem}_ts", int(when))


def _status(archive: Mapping[str, Any]) -> str:
    if archive["state"] == "running":
        return "syncing"
    if archive["state"] == "failing":
        return "failed"
    return "success" if archive["published_at"] is not None else "none"


def mirrorz(site: Mapping[str, str], archives: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """``mirrorz.json``; ``site`` has at least ``url`` (no slash at its end) and ``abbr``."""
    mirrors = [
        {
            "cname": name,
            "desc": "",
            "url": f"/{name}",
            "status": _letters(archive),
            "help": "",
            "upstream": archive["upstream"] or "",
            "size": "",
        }
        for name, archive in archives.items()
    ]
    return {"version": MIRRORZ, "site": {**site}, "info": [], "mirrors": mirrors}


def _letters(archive: Mapping[str, Any]) -> str:
    """A letter for what is, with its time; `X` for the next try, `O` for the last that was good."""
    run, good = archive["last_run"] or {}, archive["published_at"]
    old = f"O{int(good)}" if good is not None else ""
    after = f"X{int(archive['next_try_at'])}" if archive["next_try_at"] is not None else ""
    status = _status(archive)
    if status == "syncing":
        return f"Y{int(run.get('started_at') or 0)}{after}{old}"
    if status == "failed":
        return f"F{int(run.get('started_at') or 0)}{after}{old}"
    return f"S{int(good)}{after}" if good is not None else "U"
