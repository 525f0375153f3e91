"""What the appliance carries and does, as one JSON-shaped picture: for mirrorctl, the API, the page and readiness."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import asdict
from typing import Any

from appliance import expiry, space
from appliance.controller import Controller, Lane
from appliance.errors import SyncError
from appliance.joining.member import overlaps
from appliance.joining.told import note
from appliance.records import Member, Request, Run
from appliance.run.upstreams import Look
from appliance.settings.archive import Archive
from appliance.space import UNLIMITED, Amount, Space
from appliance.sync.fetch import Staging
from appliance.sync.quarantine import Quarantine
from appliance.volume import gone


def picture(controller: Controller) -> dict[str, Any]:
    """The whole picture. Times are epoch seconds, sizes bytes; names are stable."""
    return {
        "name": controller.settings.name,
        "archives": {name: _archive(controller, lane) for name, lane in controller.lanes.items()},
        "membership": controller.guest.picture,
        "downstreams": _downstreams(controller),
        "members": {one.name: _joined(one) for one in controller.store.members()},
        "mirrors": mirrors(controller),
        "volumes": {name: _volume(seen, kept) for name, (seen, kept) in volumes(controller).items()},
    }


def _joined(one: Member) -> dict[str, Any]:
    """What everybody may know of an invitation."""
    return {
        "state": one.state,
        "archives": list(one.archives),
        "invited_at": one.invited,
        "expires_at": one.expires,
        "joined_at": one.joined,
        "seen_at": one.seen,
    }


def member(one: Member) -> dict[str, Any]:
    """What its operator may know of it: everything but what is secret."""
    return {
        "name": one.name,
        **_joined(one),
        "push": one.push,
        "sources": list(one.sources),
        "carries": list(one.carries),
        "mirror": one.mirror,
        "ssh": one.ssh,
        "host_keys": list(one.host_keys),
        "site": one.site,
        "user": one.user,
        "renew": one.renew,
        "overlap_until": one.before_until if overlaps(one, time.time()) else None,
    }


def mirrors(controller: Controller, archive: str | None = None) -> list[dict[str, Any]]:
    """Every mirror that we know of, our own first, as ``records.Sighting`` has it."""
    return [asdict(one) for one in controller.watch.sightings(archive)]


def volumes(controller: Controller) -> dict[str, tuple[Space, Amount]]:
    """The volume with the archives and the one with the state, each with its reserve, as far as they are there."""
    found: dict[str, tuple[Space, Amount]] = {}
    with suppress(SyncError):
        found["data"] = controller.volume.look()
    with suppress(OSError):
        found["state"] = (space.look(controller.places.state), Amount())
    return found


def _volume(seen: Space, kept: Amount) -> dict[str, Any]:
    counted = seen.all.inodes != UNLIMITED
    return {
        "free_bytes": seen.free.bytes,
        "free_inodes": seen.free.inodes if counted else None,
        "reserve_bytes": kept.bytes,
        "reserve_inodes": kept.inodes if counted else None,
        "read_only": seen.read_only,
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
    if controller.lanes[name].is_gone:
        return gone(controller.places, name).fact
    if state.published is None:
        return f"{name}: nothing published yet"
    return f"{name}: the last {state.failures} runs failed" if state.failures else None


def _archive(controller: Controller, lane: Lane) -> dict[str, Any]:
    store, settings = controller.store, controller.settings.archives[lane.name]
    state, last = store.archive(lane.name), store.last_run(lane.name)
    waiting = store.open_requests(lane.name)
    until = expiry.ends(store, controller.places, lane.name)
    paused = store.paused(lane.name)
    notes = [
        _paused(lane.name, paused) if paused else "",
        str(gone(controller.places, lane.name)) if lane.is_gone else "",
        state.note,
        _membership(controller, lane.name),
        *controller.settings.mirror_list(lane.name).faults,
        *expiry.remarks(until, time.time()),
        *_refused(controller, lane.name),
        *lane.upstreams.remarks,
    ]
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
        "notes": list(filter(None, notes)),
    }


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
    when = time.strftime("%Y-%m-%d %H:%M", time.gmtime(since))
    return f"paused since {when} UTC, requests are accepted and wait; mirrorctl resume {name}"


def _word(lane: Lane, failures: int, waiting: bool, paused: bool) -> str:
    if lane.figures:
        return "running"
    if paused:
        return "paused"
    if failures:
        return "failing"
    return "waiting" if waiting else "idle"


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
