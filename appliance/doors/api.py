"""The API that is read: status, archives, runs, mirrors, events, and the document that describes it."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlencode

from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from appliance import report, status
from appliance.controller import Controller
from appliance.doors import openapi
from appliance.doors.events import Events
from appliance.records import Run

PAGE: Final = 50
LONGEST_PAGE: Final = 500
LARGEST: Final = (1 << 63) - 1
"""The store knows no larger number."""


def routes(controller: Controller) -> list[Route]:
    """The routes of one controller."""

    async def picture(_: HttpRequest) -> Response:
        return JSONResponse(status.picture(controller))

    async def archives(_: HttpRequest) -> Response:
        return JSONResponse({"archives": status.picture(controller)["archives"]})

    async def archive(request: HttpRequest) -> Response:
        name = request.path_params["archive"]
        found = status.picture(controller)["archives"].get(name)
        return JSONResponse({"name": name, **found}) if found else _missing("archive")

    async def runs(request: HttpRequest) -> Response:
        asked = request.query_params
        try:
            limit = _number(asked.get("limit", str(PAGE)), LONGEST_PAGE)
            before = _number(asked["before"], LARGEST) if "before" in asked else None
        except ValueError as error:
            return JSONResponse({"error": str(error)}, 400)
        found = controller.store.runs(asked.get("archive"), before, limit + 1)
        return JSONResponse({"runs": [_run(one) for one in found[:limit]], "next": _next(asked, found, limit)})

    async def run(request: HttpRequest) -> Response:
        found = controller.store.run(min(request.path_params["run"], LARGEST))
        return JSONResponse(_run(found)) if found else _missing("run")

    async def mirrors(request: HttpRequest) -> Response:
        return JSONResponse({"mirrors": status.mirrors(controller, request.query_params.get("archive"))})

    async def own(_: HttpRequest) -> Response:
        return JSONResponse(report.picture(controller))

    async def document(_: HttpRequest) -> Response:
        return JSONResponse(openapi.document())

    return [
        Route("/api/v1/status", picture),
        Route("/api/v1/archives", archives),
        Route("/api/v1/archives/{archive}", archive),
        Route("/api/v1/runs", runs),
        Route("/api/v1/runs/{run:int}", run),
        Route("/api/v1/mirrors", mirrors),
        Route("/api/v1/report", own),
        Route("/api/v1/events", Events(controller).answer),
        Route("/api/v1/openapi.json", document),
    ]


def _run(run: Run) -> dict[str, Any]:
    return {"archive": run.archive, **status.run_of(run)}


def _next(asked: Any, found: list[Run], limit: int) -> str | None:
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
