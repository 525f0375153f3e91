"""Whole answers of the API: everything at once, a request, whether we are ready, and why there is no other answer."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from appliance.doors.shapes.archives import Archive, Volume
from appliance.doors.shapes.downstreams import Delivery, Member, Membership
from appliance.doors.shapes.mirrors import Mirror
from appliance.doors.shapes.runs import Progress, Run
from appliance.doors.shapes.shape import Count, Shape


class Status(Shape):
    """Everything at once."""

    name: str
    archives: dict[str, Archive]
    membership: Membership | None = Field(description="null without a token")
    downstreams: dict[str, dict[str, Delivery]] = Field(description="by downstream and archive")
    members: dict[str, Member] = Field(description="who was invited, by name")
    volumes: dict[str, Volume]
    mirrors: list[Mirror]


class Request(Shape):
    """What became of a request, and how far the archive's run is."""

    archive: str
    stage: str
    state: Literal["waiting", "running", "finished"]
    code: Count | None = Field(description="exit status; null until it is answered")
    run: Run | None
    progress: Progress | None
    paused: bool = Field(description="whether it waits because the archive is paused")


class Ready(Shape):
    """Whether this mirror should get traffic, and why not."""

    ready: bool
    reasons: list[str]


class Problem(Shape):
    """Why there is no other answer."""

    error: str
