"""The HTTP door, on a socket of its own: health, readiness, metrics, the API, a page, mirror lists, the redirect, and
mirrorctl's levers.

nginx shows everything but ``/control/`` to the world.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Final

from starlette.applications import Starlette
from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from appliance import metrics, status
from appliance.controller import Controller
from appliance.doors import api, joining, levers, lists, page, webtrigger
from appliance.doors.redirect import App, Redirect
from appliance.doors.tables import Tables
from appliance.errors import ApplianceError
from appliance.sync.entry import leaves
from appliance.sync.profile import TRACE_DIRECTORY

PATIENCE: Final = 60.0
"""Seconds that a publication which is under way is waited for before anything is called broken."""

PROMETHEUS_TEXT = "text/plain; version=0.0.4; charset=utf-8"


def application(controller: Controller, reload: Callable[[], list[str]]) -> App:
    """The routes of one controller; ``reload`` re-reads mounted files and names what changed."""
    tables = Tables(controller)

    async def healthz(_: HttpRequest) -> Response:
        return PlainTextResponse("alive\n")

    async def readyz(_: HttpRequest) -> Response:
        reasons = status.not_ready(controller)
        return JSONResponse({"ready": not reasons, "reasons": reasons}, 503 if reasons else 200)

    async def measure(_: HttpRequest) -> Response:
        return Response(await metrics.measured(controller), media_type=PROMETHEUS_TEXT)

    async def push(request: HttpRequest) -> Response:
        wanted = await request.json()
        told = controller.tell_again(wanted["archive"], wanted.get("downstream"))
        return JSONResponse({"downstreams": told})

    async def inside(request: HttpRequest) -> Response:
        # A header comes as Latin-1, the path in it is bytes.
        path = os.fsdecode(request.headers["x-path"].encode("latin-1"))
        _, name, below = path.split("/", 2)
        return Response(status_code=204 if _is_inside(controller.places.archive(name), below) else 403)

    async def repair(request: HttpRequest) -> Response:
        wanted = await request.json()
        return JSONResponse({"request": controller.repair(wanted["archive"], _checked(wanted["paths"]))})

    async def roots(request: HttpRequest) -> Response:
        return JSONResponse({"roots": list(controller.store.roots(request.path_params["archive"]))})

    async def settled(request: HttpRequest) -> Response:
        return JSONResponse({"settled": await _is_settled(controller, request.path_params["archive"])})

    async def notify(_: HttpRequest) -> Response:
        return JSONResponse({"troubles": await controller.notices.test()})

    async def take_over(_: HttpRequest) -> Response:
        return JSONResponse({"changed": reload()})

    behind = Starlette(
        routes=[
            *page.routes(controller),
            *api.routes(controller),
            Route("/healthz", healthz),
            Route("/readyz", readyz),
            Route("/metrics", measure),
            *webtrigger.routes(controller),
            *lists.routes(controller, tables),
            *levers.routes(controller),
            *joining.routes(controller),
            Route("/control/inside", inside),
            Route("/control/push", push, methods=["POST"]),
            Route("/control/roots/{archive}", roots),
            Route("/control/settled/{archive}", settled),
            Route("/control/repair", repair, methods=["POST"]),
            Route("/control/notify", notify, methods=["POST"]),
            Route("/control/reload", take_over, methods=["POST"]),
        ],
        exception_handlers={ApplianceError: _refuse, sqlite3.Error: _full},
    )
    return Redirect(controller, tables, behind)


async def _is_settled(controller: Controller, name: str) -> bool:
    """Whether no publication is under way; one that is, is waited for. Raises ApplianceError."""
    if name not in controller.lanes:
        raise ApplianceError(f"no archive {name!r}", f"there are: {', '.join(controller.lanes)}")
    lane = controller.lanes[name]
    if lane.figures is None or lane.figures.stage != "publish":
        return True
    try:
        async with asyncio.timeout(PATIENCE):
            await lane.idle()
    except TimeoutError:
        return False
    return True


def _is_inside(tree: Path, below: str) -> bool:
    """Whether a path of an archive is still in it when all links are followed."""
    root, real = os.path.realpath(tree), os.path.realpath(tree / below)
    return real == root or real.startswith(f"{root}/")


def _checked(paths: list[str]) -> list[str]:
    """The paths, if all of them are names of files in an archive; traces are written by every mirror itself."""
    for path in paths:
        if not path or "\0" in path or leaves(path) or path.startswith(f"{TRACE_DIRECTORY}/"):
            raise ApplianceError(f"{path!r} cannot be repaired", "name files by their paths below the archive")
    return paths


async def _refuse(_: HttpRequest, error: Exception) -> Response:
    assert isinstance(error, ApplianceError)
    return JSONResponse({"error": str(error), "exit_code": error.exit_code}, 409)


async def _full(_: HttpRequest, __: Exception) -> Response:
    return JSONResponse({"error": "not accepted: the state volume cannot be written"}, 503)
