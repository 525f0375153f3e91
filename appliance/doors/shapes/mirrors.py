"""The mirrors around us, as the API has them: what was seen of each, and what we tell of those below us."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from appliance.doors.shapes.shape import Count, Epoch, Shape


class Mirror(Shape):
    """What was last seen of one mirror and one archive, ours among them."""

    mirror: str
    archive: str
    parent: str | None = Field(description="the mirror it fetches from, as far as that is known")
    source: Literal["self", "registered", "downstream", "report", "trace"] = Field(description="how we know of it")
    url: str | None
    serial: str | None = Field(description="the master's serial as carried")
    fresh: Literal["fresh", "stale", "unlisted", "bad", "unknown"]
    missed: Count | None = Field(description="publications of ours that it has not got")
    lag: float | None = Field(description="seconds since what it lacks was published here")
    looked_at: Epoch | None
    changed_at: Epoch | None
    consistent: bool | None = Field(description="whether its indices agree with its trace")
    activity: str | None
    error: str
    listed: bool
    country: str
    weight: Count
    seen_at: Epoch | None = Field(description="the last look that saw something")


class Mirrors(Shape):
    """Every mirror that is known."""

    mirrors: list[Mirror]


class ReportedArchive(Shape):
    """What we tell of an archive."""

    serial: str | None
    published_at: Epoch | None
    state: Literal["running", "failing", "idle"]
    activity: str | None


class ReportedMirror(Shape):
    """What we tell of a mirror around us."""

    mirror: str
    archive: str
    parent: str | None
    carries: str | None = Field(description="the master's serial")
    consistent: bool | None
    activity: str | None


class Report(Shape):
    """What a mirror tells those above it: public facts, and few."""

    name: str
    archives: dict[str, ReportedArchive]
    downstreams: list[ReportedMirror]
