"""The mirrors around us: what each was told, and what was seen of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from appliance.records.serials import serial_number

Source = Literal["self", "registered", "downstream", "report", "trace"]
"""Who told us of a mirror."""

Fresh = Literal["fresh", "stale", "unlisted", "bad", "unknown"]
"""How far a mirror is behind us, as a word."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """How far one downstream has been told: ``state`` is pending, pushing, delivered, failing or lost.

    ``attempts`` have been made since it last knew, the last ``silent`` of them reached nobody; who is lost is tried
    rarely. ``carries`` is the serial that it was last seen to publish, None when nobody has looked; ``failing`` is when
    the first attempt failed since it last knew, None when none has. ``site`` is the URL where it says that its users
    find the archive, empty when it says nothing.
    """

    downstream: str
    archive: str
    publication: int
    serial: str | None
    state: str
    attempts: int
    error: str
    next: float | None
    since: float
    carries: str | None = None
    silent: int = 0
    failing: float | None = None
    site: str = ""

    @property
    def is_confirmed(self) -> bool:
        """Whether the downstream was seen to publish what it was to be told of, or something newer."""
        return self.carries is not None and not self.is_behind(self.carries)

    def is_behind(self, serial: str) -> bool:
        """Whether a serial is older than that of the publication; what is no serial is not."""
        mine, other = serial_number(self.serial), serial_number(serial)
        return mine is not None and other is not None and other < mine


@dataclass(frozen=True, slots=True)
class Sighting:
    """One archive at one mirror, as it was last seen.

    ``parent`` is the mirror it fetches from; ``url`` the base URL looked at, None when nobody looks; ``serial`` the
    master's as carried, by the indices where those are older than the trace; ``missed`` publications of ours it has
    not got, ``lag`` is seconds since the first of them was published here. ``looked_at`` is the last look and
    ``seen_at`` the last one that saw something, ``changed_at`` when the serial was first seen. ``consistent``: the
    indices are those of the trace's serial. ``activity`` is what it does, in its own words; ``error`` why the last look
    saw nothing. ``listed``: its operator wants users.
    """

    mirror: str
    archive: str
    parent: str | None
    source: Source
    url: str | None = None
    serial: str | None = None
    fresh: Fresh = "unknown"
    missed: int | None = None
    lag: float | None = None
    looked_at: float | None = None
    changed_at: float | None = None
    consistent: bool | None = None
    activity: str | None = None
    error: str = ""
    listed: bool = False
    country: str = ""
    weight: int = 100
    seen_at: float | None = None
