"""Requests of our own making, and which of those that wait are served together, and when."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterable
from dataclasses import replace

from appliance.records import Request
from appliance.run.figures import Permits


def new_request(
    archive: str, stage: str, source: str, by: str, mhop: bool = False, due: float = 0, full: bool = False
) -> Request:
    """A request that did not come through the inbox."""
    now = time.time()
    id = f"{source}-{secrets.token_hex(8)}"
    return Request(id, archive, stage, mhop, source, by, received=now, due=due or now, full=full)


def together(due: list[Request], waiting: list[Request]) -> list[Request]:
    """What one run serves: whatever waits, also what would be due later, because it is the same work.

    But when all that is due stops at stage 1, a waiting retry must not publish before the upstream says so.
    """
    if any(request.stage != "stage1" for request in due):
        return waiting
    return [request for request in waiting if request.stage == "stage1"]


def again(archive: str, requests: list[Request], due: float) -> Request:
    """All that was asked for, once more."""
    stage = "all" if any(request.stage != "stage1" for request in requests) else "stage1"
    permits = permits_of(requests)
    return replace(
        new_request(archive, stage, "retry", "ourselves", due=due),
        mhop=any(request.mhop for request in requests),
        callback=any(request.callback for request in requests),
        allow_deletes=permits.deletes,
        allow_rollback=permits.rollback,
        full=permits.full,
    )


def permits_of(requests: Iterable[Request]) -> Permits:
    """What a run may that serves these: whatever any of them allows."""
    asked = list(requests)
    return Permits(
        deletes=any(request.allow_deletes for request in asked),
        rollback=any(request.allow_rollback for request in asked),
        full=any(request.full for request in asked),
    )


def is_due(request: Request, now: float) -> bool:
    """Also what was received in the future: the clock went back, and it must not wait until it has caught up."""
    return request.due <= now or request.received > now
