"""Server-sent events: who listens is told that something has changed, and how far what goes on is.

Nothing is asked for again and again: a change rings the controller's bell. Only how far a run is has to be measured,
once a second, while there is a run. An event names what has changed; what it is now the API says.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncGenerator
from typing import Any, Final

from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from appliance import status
from appliance.controller import Controller

MOST: Final = 64
"""Who may listen at a time."""

CALM: Final = 0.25
"""Seconds behind a change in which others become the same event."""

MEASURED: Final = 1.0
"""Seconds from one look at the progress of a run to the next."""

ALIVE: Final = 15.0
"""Seconds after which a silent stream says that it is alive, so that nobody between us hangs up."""

HEADERS: Final = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


class Events:
    """The stream of one controller, for a bounded number of listeners."""

    def __init__(self, controller: Controller, most: int = MOST) -> None:
        self._controller, self._most = controller, most
        self._seen: tuple[tuple[int, float], dict[str, Any]] = ((-1, 0.0), {})
        self.listeners = 0

    async def answer(self, _: HttpRequest) -> Response:
        """The stream, or 503 when too many listen."""
        if self.listeners >= self._most:
            return JSONResponse({"error": "too many listen, ask again later"}, 503, {"Retry-After": "60"})
        return _Stream(self)

    async def events(self) -> AsyncGenerator[str, None]:
        """What one listener gets, without an end."""
        yield "retry: 3000\n\n"
        heard, told = self._controller.bell.count, self._look()
        while True:
            rang = await self._rings(heard)
            heard, now = self._controller.bell.count, self._look()
            changed = _differences(told, now)
            going = self._progress()
            if changed:
                yield _event("change", changed)
            if going:
                yield _event("progress", going)
            if not rang and not going:
                yield ": still here\n\n"
            told = now

    async def _rings(self, heard: int) -> bool:
        """Wait for a change, but no longer than is good; returns whether there was one."""
        patience = MEASURED if self._progress() else ALIVE
        try:
            async with asyncio.timeout(patience):
                await self._controller.bell.after(heard)
        except TimeoutError:
            return False
        await asyncio.sleep(CALM)
        return True

    def _progress(self) -> dict[str, Any]:
        lanes = self._controller.lanes.items()
        return {name: found for name, lane in lanes if (found := status.progress(lane)) is not None}

    def _look(self) -> dict[str, Any]:
        """What can change, by kind and name; all listeners share one look."""
        moment = self._controller.bell.count, time.monotonic() // ALIVE  # how fresh one is changes with time alone
        if self._seen[0] != moment:
            self._seen = moment, _signs(status.picture(self._controller))
        return self._seen[1]


class _Stream(StreamingResponse):
    """A listener, from the answer until one side hangs up."""

    def __init__(self, events: Events) -> None:
        super().__init__(events.events(), media_type="text/event-stream", headers=HEADERS)
        self._events = events
        events.listeners += 1

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._events.listeners -= 1


def _signs(picture: dict[str, Any]) -> dict[str, Any]:
    mirrors: dict[str, list[Any]] = {}
    for one in picture["mirrors"]:
        # When somebody looked, and how late it is by now, is no change.
        mirrors.setdefault(one["mirror"], []).append({**one, "looked_at": None, "seen_at": None, "lag": None})
    archives = {name: {**one, "progress": None} for name, one in picture["archives"].items()}
    return {"archives": archives, "mirrors": mirrors, "downstreams": picture["downstreams"]}


def _differences(before: dict[str, Any], now: dict[str, Any]) -> dict[str, list[str]]:
    """The names of what differs, by kind; empty when nothing does."""
    found = {
        kind: sorted(name for name in {*before[kind], *now[kind]} if before[kind].get(name) != now[kind].get(name))
        for kind in now
    }
    return found if any(found.values()) else {}


def _event(name: str, data: dict[str, Any]) -> str:
    return f"event: {name}\ndata: {json.dumps(data)}\n\n"
