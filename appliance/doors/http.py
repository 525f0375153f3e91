"""The HTTP door, on a socket of its own: health, readiness, metrics, the API, a page, mirror lists, the redirect, and
mirrorctl's levers.

nginx shows everything but ``/control/`` to the world.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from functools import partial

from starlette.applications import Starlette
from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from appliance import metrics, status
from appliance.controller import Controller
from appliance.doors import lists, page
from appliance.doors.api import Api
from appliance.doors.facts import Facts
from appliance.doors.joining import Joining
from appliance.doors.levers import Levers
from appliance.doors.moment import Moment
from appliance.doors.redirect import App, Redirect
from appliance.doors.tables import Tables
from appliance.doors.webtrigger import WebTriggers
from appliance.errors import ApplianceError

PROMETHEUS_TEXT = "text/plain; version=0.0.4; charset=utf-8"


def application(controller: Controller, reload: Callable[[], list[str]]) -> App:
    """The routes of one controller; ``reload`` re-reads mounted files and names what changed."""
    tables = Tables(controller)
    texts = Moment(controller.bell, partial(metrics.text, controller))

    async def healthz(_: HttpRequest) -> Response:
        return PlainTextResponse("alive\n")

    async def readyz(_: HttpRequest) -> Response:
        reasons = status.not_ready(controller)
        return JSONResponse({"ready": not reasons, "reasons": reasons}, 503 if reasons else 200)

    async def measure(_: HttpRequest) -> Response:
        return Response(texts.of(await metrics.look(controller)), media_type=PROMETHEUS_TEXT)

    behind = Starlette(
        routes=[
            *page.routes(controller),
            *Api(controller).routes(),
            Route("/healthz", healthz),
            Route("/readyz", readyz),
            Route("/metrics", measure),
            *WebTriggers(controller).routes(),
            *lists.routes(controller, tables),
            *Joining(controller).routes(),
            *Facts(controller).routes(),
            *Levers(controller, reload).routes(),
        ],
        exception_handlers={ApplianceError: _refuse, sqlite3.Error: _full},
    )
    return Redirect(controller, tables, behind)


async def _refuse(_: HttpRequest, error: Exception) -> Response:
    assert isinstance(error, ApplianceError)
    return JSONResponse({"error": str(error), "exit_code": error.exit_code}, 409)


async def _full(_: HttpRequest, __: Exception) -> Response:
    return JSONResponse({"error": "not accepted: the state volume cannot be written"}, 503)
