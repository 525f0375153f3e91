"""What an archive carries and does, and the room there is for it, as the API has it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from appliance.doors.shapes.runs import Progress, Run
from appliance.doors.shapes.shape import Count, Epoch, Shape


class Upstream(Shape):
    """What was last seen of one of several upstreams."""

    url: str
    serial: str | None
    error: str | None


class Refused(Shape):
    """Paths of the upstream that are not carried; the first of them with the reason."""

    count: Count
    paths: list[str]


class Archive(Shape):
    """What an archive carries and does."""

    role: Literal["origin", "mirror"]
    upstream: str | None = Field(description="the one in use")
    upstreams: list[Upstream] = Field(description="empty unless there are several")
    serial: str | None
    publication: Count = Field(description="how many there were")
    published_at: Epoch | None
    state: Literal["running", "paused", "failing", "waiting", "idle"]
    paused_at: Epoch | None = Field(description="since when no run begins")
    stage: str | None
    progress: Progress | None
    verify: Literal["full", "index", "off"]
    signed: bool | None = Field(description="whether what is published bears a trusted signature; null: not known")
    planner: str | None = Field(description="what made the last plan, and why")
    audited_at: Epoch | None
    drift: Count
    valid_until: Epoch | None
    error: str | None = Field(description="why the last run failed, for people")
    cause: str | None
    last_run: Run | None
    runs: Count
    pending: Count = Field(description="requests that no run has taken up")
    next_try_at: Epoch | None
    refused: Refused
    notes: list[str] = Field(description="what people should know")


class NamedArchive(Archive):
    """An archive, and its name."""

    name: str


class Archives(Shape):
    """All archives, by name."""

    archives: dict[str, Archive]


class Volume(Shape):
    """Room on a volume; inodes are null where the filesystem does not count them."""

    free_bytes: Count
    free_inodes: Count | None
    reserve_bytes: Count
    reserve_inodes: Count | None
    read_only: bool
