"""What the API answers, as models: the OpenAPI document is made of them, and a test holds every answer to them.

Times are epoch seconds, sizes bytes, durations seconds. Names are stable: they may gain neighbours, they do not go.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Count = int
Epoch = float


class Shape(BaseModel):
    """Everything that is there is described."""

    model_config = ConfigDict(extra="forbid", json_schema_serialization_defaults_required=True)


class Progress(Shape):
    """How far a run is. Files and bytes are those of its newest plan; what is not known (yet) is null."""

    run: Count
    stage: str = Field(description="plan, upstream, payload, tree, index, verify or publish")
    stage_seconds: float
    planned_files: Count
    files: Count
    planned_bytes: Count
    bytes: Count = Field(description="those that are here, wherever they came from")
    fetched_bytes: Count = Field(description="those that travelled")
    bytes_per_second: float | None
    remaining_seconds: float | None
    differences: Count = Field(description="paths that the comparison has found so far")


class Run(Shape):
    """One sync, or one publication at an origin."""

    id: Count
    kind: Literal["sync", "stage1", "publish"]
    trigger: str = Field(description="how it was asked for: ssh, http, schedule, cli, retry")
    started_at: Epoch
    ended_at: Epoch | None = Field(description="null while it runs")
    result: Literal["success", "noop", "error"] | None = Field(description="null while it runs")
    error: str = Field(description="what went wrong, for people; empty when nothing did")
    cause: str = Field(description="one word for what kind of trouble that was")
    serial: str | None
    payload: Count = Field(description="payload files fetched")
    index: Count = Field(description="index files fetched")
    deleted: Count
    bytes: Count


class ArchiveRun(Run):
    """A run, and whose it is."""

    archive: str


class Runs(Shape):
    """A page of runs, newest first."""

    runs: list[ArchiveRun]
    next: str | None = Field(description="path of the next page, of older runs; null on the last")


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


class Delivery(Shape):
    """How far a downstream has been told of an archive."""

    state: Literal["pending", "pushing", "delivered", "failing", "lost"]
    serial: str | None
    carries: str | None = Field(description="the serial it was last seen to publish")
    confirmed: bool
    attempts: Count
    error: str | None
    next_at: Epoch | None


class Member(Shape):
    """A mirror that was invited to be a downstream of ours."""

    state: Literal["invited", "joined", "revoked"]
    archives: list[str] = Field(description="what it was offered")
    invited_at: Epoch
    expires_at: Epoch = Field(description="until when the invitation could be used")
    joined_at: Epoch | None
    seen_at: Epoch | None = Field(description="when it last told us something new of itself")


class Volume(Shape):
    """Room on a volume; inodes are null where the filesystem does not count them."""

    free_bytes: Count
    free_inodes: Count | None
    reserve_bytes: Count
    reserve_inodes: Count | None
    read_only: bool


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


class Membership(Shape):
    """What has come of the token that an upstream has invited us by."""

    upstream: str
    name: str = Field(description="what we were invited as")
    archives: list[str] = Field(description="those that come by it")
    state: Literal["waiting", "joined", "refused"]
    renewing: bool = Field(description="whether a new password is asked for")
    joined_at: Epoch | None
    answered_at: Epoch | None = Field(description="when the upstream has last answered; null: by paste, or never")
    trouble: str | None = Field(description="what is wrong, for people")
    cure: str | None


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
