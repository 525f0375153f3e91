"""The status page: the tree and every archive at ``/``, one archive with its mirrors and runs at ``/status/ARCHIVE``.

One document each, with nothing from elsewhere: style and script are in it, and are the only ones that it allows.
"""

from __future__ import annotations

import base64
import hashlib
import time
from functools import cache, partial
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.requests import Request as HttpRequest
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from appliance.board import saying, view
from appliance.controller import Controller
from appliance.doors import events
from appliance.doors.moment import Moment

TEMPLATES: Final = Path(view.__file__).with_name("templates")
RUNS: Final = 25
"""Runs of a page."""

AGE: Final = 1.0
"""Seconds that a drawing is good for everybody who asks, unless something changes."""

CALM: Final = events.CALM
"""Seconds that it is good whatever changes: nobody is told of a change before."""


def routes(controller: Controller) -> list[Route]:
    """The pages of one controller."""
    drawings = Moment(controller.bell, partial(_draw, controller), AGE, CALM)

    async def front(_: HttpRequest) -> Response:
        board, drawn = drawings.of(None)
        return _answer("front", board=board, drawn=drawn)

    async def archive(request: HttpRequest) -> Response:
        name, before = request.path_params["archive"], request.query_params.get("before", "")
        if name not in controller.lanes or not (before == "" or (before.isascii() and before.isdigit())):
            return PlainTextResponse("there is nothing here\n", 404)
        board, drawn = drawings.of(name)
        return _answer("archive", board=board, drawn=drawn, **_runs(controller, name, before[:18]))

    return [Route("/", front), Route("/status/{archive}", archive)]


def _runs(controller: Controller, name: str, before: str) -> dict[str, Any]:
    """A page of runs, and where the older ones are."""
    found = controller.store.runs(name, int(before) if before else None, RUNS + 1)
    return {"runs": found[:RUNS], "older": found[RUNS - 1].id if len(found) > RUNS else None, "before": before}


def _draw(controller: Controller, only: str | None) -> tuple[view.Board, Markup]:
    board = view.board(controller, time.time(), only)
    template = _engine().get_template("mirrors.html.j2" if only else "sections.html.j2")
    return board, Markup(template.render(board=board))


@cache
def _engine() -> Environment:
    engine = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    engine.globals.update(saying=saying, rate=view.rate)
    return engine


@cache
def _inlined() -> dict[str, Any]:
    return {name: Markup((TEMPLATES / file).read_text()) for name, file in _INLINED.items()}


_INLINED: Final = {"style": "board.css", "script": "board.js"}


@cache
def _headers() -> dict[str, str]:
    """What a browser is told beside a page."""
    allowed = "; ".join(f"{name}-src '{_digest(text)}'" for name, text in _inlined().items())
    return {
        "Content-Security-Policy": f"default-src 'none'; {allowed}; connect-src 'self'; img-src data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }


def _digest(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _answer(name: str, **shown: Any) -> Response:
    page = _engine().get_template(f"{name}.html.j2").render(**shown, **_inlined())
    return HTMLResponse(page, headers=_headers())
