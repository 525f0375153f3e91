"""What the appliance carries and does, as one JSON-shaped picture: for mirrorctl, the API, the page and readiness."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from appliance.controller import Controller, Lane


def picture(controller: Controller) -> dict[str, Any]:
    """The whole picture. Times are epoch seconds, sizes bytes; names are stable."""
    return {
        "name": controller.settings.name,
        "archives": {name: _archive(controller, lane) for name, lane in controller.lanes.items()},
        "downstreams": _downstreams(controller),
    }


def not_ready(controller: Controller) -> list[str]:
    """Why this mirror should not get traffic now; empty when it should."""
    return [
        reason
        for name in controller.lanes
        if (reason := _reason(controller, name))
    ]  # fmt: skip


def _reason(controller: Controller, name: str) -> str | None:
    state = controller.store.archive(name)
    if state.publication == 0:
        return f"{name}: nothing published yet"
    return f"{name}: the last {state.failures} runs failed" if state.failures else None


def _archive(controller: Controller, lane: Lane) -> dict[str, Any]:
    store, settings = controller.store, controller.settings.archives[lane.name]
    state, last = store.archive(lane.name), store.last_run(lane.name)
    waiting = store.open_requests(lane.name)
    return {
        "role": "origin" if lane.is_origin else "mirror",
        "upstream": settings.upstream.url if settings.upstream else None,
        "serial": state.serial,
        "publication": state.publication,
        "published_at": state.published,
        "state": _word(lane, state.failures, bool(waiting)),
        "stage": lane.figures.stage if lane.figures else None,
        "signed": None if state.signed is None or settings.verify == "off" else bool(state.signed),
        "last_run": _run(asdict(last)) if last else None,
        "runs": store.count_runs(lane.name),
        "pending": len([request for request in waiting if request.run is None]),
        "next_try_at": min((request.due for request in waiting if request.source == "retry"), default=None),
        "refused": {"count": state.refused, "paths": list(state.refused_paths)},
        "notes": [*([state.note] if state.note else []), *controller.settings.mirror_list(lane.name).faults],
    }


def _word(lane: Lane, failures: int, waiting: bool) -> str:
    if lane.figures:
        return "running"
    if failures:
        return "failing"
    return "waiting" if waiting else "idle"


def _run(run: dict[str, Any]) -> dict[str, Any]:
    renamed = {"started": "started_at", "ended": "ended_at", "indices": "index"}
    return {renamed.get(key, key): value for key, value in run.items() if key != "archive"}


def _downstreams(controller: Controller) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {one.name: {} for one in controller.settings.downstreams}
    for told in controller.store.deliveries():
        found.setdefault(told.downstream, {})[told.archive] = {
            "state": told.state,
            "serial": told.serial,
            "attempts": told.attempts,
            "error": told.error or None,
            "next_at": told.next,
        }
    return found
