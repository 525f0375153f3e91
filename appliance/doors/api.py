"""The API that is read: status, archives, runs, mirrors, events, and the document that describes it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final
from urllib.parse import urlencode

from starlette.datastructures import QueryParams
from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from appliance import report, status
from appliance.controller import Controller
from appliance.doors import openapi
from appliance.doors.events import Events
from appliance.doors.moment import Moment
from appliance.records import Run

PAGE: Final = 50
LONGEST_PAGE: Final = 500
LARGEST: Final = (1 << 63) - 1
"""The store knows no larger number."""


class Api:
    """What one controller answers."""

    def __init__(self, controller: Controller) -> None:
        self._controller = controller
        self._tellings = Moment(controller.bell, self._told)

    def _told(self, what: Callable[[Controller], Any]) -> bytes:
        return bytes(JSONResponse(what(self._controller)).body)

    def _now(self, what: Callable[[Controller], Any]) -> Response:
        """What is large, and the same for everybody."""
        return Response(self._tellings.of(what), media_type=JSONResponse.media_type)

    def routes(self) -> list[Route]:
        """Everything that is read; the document describes it."""
        return [
            Route("/api/v1/status", self.picture),
            Route("/api/v1/archives", self.archives),
            Route("/api/v1/archives/{archive}", self.archive),
            Route("/api/v1/runs", self.runs),
            Route("/api/v1/runs/{run}", self.run),
            Route("/api/v1/mirrors", self.mirrors),
            Route("/api/v1/report", self.report),
            Route("/api/v1/events", Events(self._controller).answer),
            Route("/api/v1/openapi.json", self.document),
        ]

    async def picture(self, _: HttpRequest) -> Response:
        """All there is."""
        return self._now(status.picture)

    async def archives(self, _: HttpRequest) -> Response:
        """Every archive, by name."""
        return JSONResponse({"archives": status.archives(self._controller)})

    async def archive(self, request: HttpRequest) -> Response:
        """One archive."""
        name = request.path_params["archive"]
        found = status.archives(self._controller).get(name)
        return JSONResponse({"name": name, **found}) if found else _missing("archive")

    async def runs(self, request: HttpRequest) -> Response:
        """A page of runs, the newest first, and where the next page is."""
        asked = request.query_params
        try:
            limit = _number(asked.get("limit", str(PAGE)), LONGEST_PAGE)
            before = _number(asked["before"], LARGEST) if "before" in asked else None
        except ValueError as error:
            return JSONResponse({"error": str(error)}, 400)
        found = self._controller.store.runs(asked.get("archive"), before, limit + 1)
        return JSONResponse({"runs": [_run(one) for one in found[:limit]], "next": _next(asked, found, limit)})

    async def run(self, request: HttpRequest) -> Response:
        """One run."""
        try:
            found = self._controller.store.run(_number(request.path_params["run"], LARGEST))
        except ValueError:
            found = None
        return JSONResponse(_run(found)) if found else _missing("run")

    async def mirrors(self, request: HttpRequest) -> Response:
        """Every mirror that is known of, of one archive or of all."""
        archive = request.query_params.get("archive")
        if archive is None:
            return self._now(_mirrors)
        return JSONResponse({"mirrors": status.mirrors(self._controller, archive)})

    async def report(self, _: HttpRequest) -> Response:
        """What those above us ask."""
        return self._now(report.picture)

    async def document(self, _: HttpRequest) -> Response:
        """The description of all this."""
        return JSONResponse(openapi.document())


def _mirrors(controller: Controller) -> dict[str, Any]:
    return {"mirrors": status.mirrors(controller)}


def _run(run: Run) -> dict[str, Any]:
    return {"archive": run.archive, **status.run_of(run)}


def _next(asked: QueryParams, found: list[Run], limit: int) -> str | None:
    if len(found) <= limit:
        return None
    kept = {key: asked[key] for key in ("archive", "limit") if key in asked}
    return f"/api/v1/runs?{urlencode({**kept, 'before': found[limit - 1].id})}"


def _number(text: str, most: int) -> int:
    """A positive number. Raises ValueError."""
    if not (text.isascii() and text.isdigit() and len(text) < 20 and 0 < int(text) <= most):
        raise ValueError(f"{text[:40]!r} is no number from 1 to {most}")
    return int(text)


def _missing(what: str) -> Response:
    return JSONResponse({"error": f"no such {what}"}, 404)
