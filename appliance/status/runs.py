"""What becomes of a run and of a request."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from appliance.controller import Controller, Lane
from appliance.records import Request, Run


def progress(lane: Lane) -> dict[str, Any] | None:
    """How far the archive's run is; None when there is none. Cheap enough to be asked twice a second."""
    return asdict(lane.meter.look()) if lane.meter else None


def request(controller: Controller, asked: Request) -> dict[str, Any]:
    """What became of a request: ``state``, its run if that has begun, and how far the archive's run is.

    While it waits, that is the run before its own.
    """
    run = controller.store.run(asked.run) if asked.run else None
    lane = controller.lanes.get(asked.archive)
    words = "waiting" if asked.run is None else "running"
    return {
        "archive": asked.archive,
        "stage": asked.stage,
        "state": words if asked.code is None else "finished",
        "paused": asked.run is None and controller.store.paused(asked.archive) is not None,
        "code": asked.code,
        "run": run_of(run) if run else None,
        "progress": progress(lane) if lane and asked.code is None else None,
    }


def run_of(run: Run) -> dict[str, Any]:
    """A run as JSON has it."""
    renamed = {"started": "started_at", "ended": "ended_at", "indices": "index"}
    return {renamed.get(key, key): value for key, value in asdict(run).items() if key != "archive"}
