"""What we tell of ourselves and of the mirrors below us to those above: public facts, and few of them."""

from __future__ import annotations

from typing import Any

from appliance.controller import Controller, Lane
from appliance.tree import reports


def picture(controller: Controller) -> dict[str, Any]:
    """The report, as ``reports.parse`` reads it at the other end. Times are epoch seconds."""
    archives = {name: _archive(controller, lane) for name, lane in controller.lanes.items()}
    return reports.write(controller.settings.name, archives, controller.watch.sightings())


def _archive(controller: Controller, lane: Lane) -> dict[str, Any]:
    state = controller.store.archive(lane.name)
    return {
        "serial": state.serial,
        "published_at": state.published,
        "state": "running" if lane.meter else "failing" if state.failures else "idle",
        "activity": _activity(lane, state.failures),
    }


def _activity(lane: Lane, failures: int) -> str | None:
    """What it does, for a person; None for nothing."""
    if not lane.meter:
        return "its syncs fail" if failures else None
    seen = lane.meter.look()
    done = f", {100 * seen.bytes // seen.planned_bytes} %" if seen.planned_bytes else ""
    return f"syncs: {seen.stage}{done}"
