"""Runs, as the API has them, and how far one is."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from appliance.doors.shapes.shape import Count, Epoch, Shape


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
