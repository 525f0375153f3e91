"""The whole picture of what the appliance carries and does."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from appliance.controller import Controller
from appliance.status.archives import archive
from appliance.status.members import joined
from appliance.status.volumes import volume, volumes


def picture(controller: Controller) -> dict[str, Any]:
    """The whole picture. Times are epoch seconds, sizes bytes; names are stable."""
    return {
        "name": controller.settings.name,
        "archives": archives(controller),
        "membership": controller.guest.picture,
        "downstreams": _downstreams(controller),
        "members": {one.name: joined(one) for one in controller.store.members()},
        "mirrors": mirrors(controller),
        "volumes": {name: volume(seen, kept) for name, (seen, kept) in volumes(controller).items()},
    }


def archives(controller: Controller) -> dict[str, dict[str, Any]]:
    """Every archive, by name."""
    return {name: archive(controller, lane) for name, lane in controller.lanes.items()}


def mirrors(controller: Controller, archive: str | None = None) -> list[dict[str, Any]]:
    """Every mirror that we know of, our own first, as ``records.Sighting`` has it."""
    return [asdict(one) for one in controller.watch.sightings(archive)]


def _downstreams(controller: Controller) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {one.name: {} for one in controller.settings.downstreams}
    for told in controller.store.deliveries():
        found.setdefault(told.downstream, {})[told.archive] = {
            "state": told.state,
            "serial": told.serial,
            "carries": told.carries,
            "confirmed": told.is_confirmed,
            "attempts": told.attempts,
            "error": told.error or None,
            "next_at": told.next,
        }
    return found
