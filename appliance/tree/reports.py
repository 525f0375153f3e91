"""What an appliance tells the world of itself and of the mirrors below it, and what another one tells us.

Public facts only. What another one says is a stranger's text: so much of it and no more, and nothing but names,
serials and a few words.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from appliance import tracefile
from appliance.records import Sighting, serial_number
from appliance.settings.values import NAME

PATH: Final = "api/v1/report"
"""Where it is, below the root of a mirror's HTTP server."""

LONGEST: Final = 1 << 18
MOST: Final = 500
"""Bytes of a report, and the mirrors that it may name."""

_WORDS: Final = 60
"""Characters of what a mirror does."""


@dataclass(frozen=True, slots=True)
class Told:
    """One archive at one mirror, as somebody else tells it."""

    mirror: str
    archive: str
    parent: str | None = None
    serial: str | None = None
    consistent: bool | None = None
    activity: str | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """What the mirror ``name`` told ``at`` a time: what it publishes and what it does, by archive, and the mirrors that
    it knows of."""

    name: str
    serials: Mapping[str, str] = field(default_factory=dict)
    activities: Mapping[str, str] = field(default_factory=dict)
    told: tuple[Told, ...] = ()
    at: float = 0.0


def write(name: str, archives: Mapping[str, Mapping[str, Any]], seen: Iterable[Sighting]) -> dict[str, Any]:
    """Our own report: ``archives`` by name, and whom we see."""
    others = [one for one in seen if one.source != "self"][:MOST]
    mirrors = [
        {
            "mirror": one.mirror, "archive": one.archive, "parent": one.parent, "carries": one.serial,
            "consistent": one.consistent, "activity": one.activity,
        }
        for one in others
    ]  # fmt: skip
    return {"name": name, "archives": archives, "downstreams": mirrors}


def parse(text: str, at: float) -> Report:
    """Another one's report. Raises ValueError for what is none; lines of it that make no sense are left out."""
    try:
        whole = json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if not isinstance(whole, dict) or not _is_name(whole.get("name")):
        raise ValueError("it is no report of a mirror")
    archives, mirrors = whole.get("archives"), whole.get("downstreams")
    return Report(
        whole["name"],
        dict(_each(archives, "serial", _serial)),
        dict(_each(archives, "activity", _words)),
        tuple(_told(mirrors[:MOST])) if isinstance(mirrors, list) else (),
        at,
    )


def _each(archives: object, fact: str, read: Callable[[object], str | None]) -> Iterator[tuple[str, str]]:
    """One fact of every archive that has it."""
    for name, one in list(archives.items())[:MOST] if isinstance(archives, dict) else ():
        if _is_name(name) and isinstance(one, dict) and (said := read(one.get(fact))):
            yield name, said


def _told(mirrors: list[Any]) -> Iterator[Told]:
    for one in mirrors:
        if isinstance(one, dict) and _is_name(one.get("mirror")) and _is_name(one.get("archive")):
            parent, consistent = one.get("parent"), one.get("consistent")
            yield Told(
                one["mirror"],
                one["archive"],
                parent if _is_name(parent) else None,
                _serial(one.get("carries")),
                consistent if isinstance(consistent, bool) else None,
                _words(one.get("activity")),
            )


def _is_name(value: object) -> bool:
    return isinstance(value, str) and bool(NAME.fullmatch(value)) and tracefile.is_name(value)


def _serial(value: object) -> str | None:
    return value if isinstance(value, str) and serial_number(value) is not None else None


def _words(value: object) -> str | None:
    return value[:_WORDS] if isinstance(value, str) and value and value.isprintable() else None
