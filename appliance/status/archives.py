"""One archive of the picture: what it carries, what is done about it, and what a person should know."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from appliance import clock, expiry
from appliance.controller import Controller, Lane
from appliance.joining.told import note
from appliance.run.upstreams import Look
from appliance.settings.archive import Archive
from appliance.status.runs import progress, run_of
from appliance.sync.quarantine import Quarantine
from appliance.sync.staging import Staging
from appliance.volume import gone


def archive(controller: Controller, lane: Lane) -> dict[str, Any]:
    """All of it. Times are epoch seconds."""
    store, settings = controller.store, controller.settings.archives[lane.name]
    state, last = store.archive(lane.name), store.last_run(lane.name)
    waiting = store.open_requests(lane.name)
    until = expiry.ends(store, controller.places, lane.name)
    paused = store.paused(lane.name)
    return {
        "role": "origin" if lane.is_origin else "mirror",
        "upstream": _upstream(lane, settings),
        "upstreams": [_look(look) for look in lane.upstreams.looks],
        "serial": state.serial,
        "publication": state.publication,
        "published_at": state.published,
        "state": _word(lane, state.failures, bool(waiting), bool(paused)),
        "paused_at": paused,
        "stage": lane.figures.stage if lane.figures else None,
        "progress": progress(lane),
        "verify": settings.verify,
        "signed": None if state.signed is None or settings.verify == "off" else bool(state.signed),
        "planner": state.planner or None,
        "audited_at": state.audited,
        "drift": state.drift,
        "valid_until": min(until.values(), default=None),
        "error": store.last_error(lane.name) or None,
        "cause": store.last_cause(lane.name) or None,
        "last_run": run_of(last) if last else None,
        "runs": store.count_runs(lane.name),
        "pending": len([request for request in waiting if request.run is None]),
        "next_try_at": min((request.due for request in waiting if request.source == "retry"), default=None),
        "refused": {"count": state.refused, "paths": list(state.refused_paths)},
        "notes": list(filter(None, _notes(controller, lane, until, paused))),
    }


def _notes(controller: Controller, lane: Lane, until: dict[str, float], paused: float | None) -> Iterator[str]:
    """A line for people about everything that is not as usual; empty ones are none."""
    yield _paused(lane.name, paused) if paused else ""
    yield str(gone(lane.name)) if lane.is_gone else ""
    yield controller.store.archive(lane.name).note
    yield _membership(controller, lane.name)
    yield from controller.settings.mirror_list(lane.name).faults
    yield from expiry.remarks(until, time.time())
    yield from _refused(controller, lane.name)
    yield from lane.upstreams.remarks


def _upstream(lane: Lane, settings: Archive) -> str | None:
    """The one in use."""
    looks = lane.upstreams.looks
    return looks[lane.upstreams.chosen].url if looks else settings.upstream.url if settings.upstream else None


def _look(look: Look) -> dict[str, Any]:
    return {"url": look.url, "serial": look.serial, "error": look.trouble or None}


def _refused(controller: Controller, name: str) -> list[str]:
    """A line as long as the last run was refused what it had fetched."""
    kept = Quarantine(Staging(controller.places.staging(name)).quarantine).newest()
    if kept and kept.run == controller.store.last_ended(name):
        return [f"an update was refused, `mirrorctl quarantine {name}` shows why"]
    return []


def _membership(controller: Controller, name: str) -> str:
    """A line while an archive that comes by a token cannot come."""
    seen = controller.guest.picture
    return note(seen) if seen and name in seen["archives"] else ""


def _paused(name: str, since: float) -> str:
    return f"paused since {clock.minute(since)}, requests are accepted and wait; mirrorctl resume {name}"


def _word(lane: Lane, failures: int, waiting: bool, paused: bool) -> str:
    if lane.figures:
        return "running"
    if paused:
        return "paused"
    if failures:
        return "failing"
    return "waiting" if waiting else "idle"
