"""What mirrorctl asks over the controller's own socket, and what nginx asks before it shows a file."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from appliance import log, status
from appliance.controller import Controller
from appliance.errors import ApplianceError

PATIENCE: Final = 60.0
"""Seconds that a publication which is under way is waited for before anything is called broken."""


class Facts:
    """Those of one controller."""

    def __init__(self, controller: Controller) -> None:
        self._controller = controller

    def routes(self) -> list[Route]:
        """Below ``/control/``, which nginx shows to nobody."""
        return [
            Route("/control/runs", self.runs),
            Route("/control/logs/{archive}", self.lines),
            Route("/control/roots/{archive}", self.roots),
            Route("/control/settled/{archive}", self.settled),
            Route("/control/join", self.membership),
            Route("/control/inside", self.inside),
        ]

    async def runs(self, request: Request) -> Response:
        """The last runs, the newest first."""
        asked = request.query_params
        found = self._controller.store.runs(asked.get("archive"), limit=int(asked.get("limit", "20")))
        return JSONResponse({"runs": [{"archive": run.archive, **status.run_of(run)} for run in found]})

    async def lines(self, request: Request) -> Response:
        """The last log lines about an archive, for programs and for people."""
        archive = request.path_params["archive"]
        return JSONResponse({"lines": log.entries(archive), "text": log.last_lines(archive)})

    async def roots(self, request: Request) -> Response:
        """The files that readers of an archive begin with."""
        return JSONResponse({"roots": list(self._controller.store.roots(request.path_params["archive"]))})

    async def settled(self, request: Request) -> Response:
        """Whether an archive is not being published, or no more."""
        return JSONResponse({"settled": await _is_settled(self._controller, request.path_params["archive"])})

    async def membership(self, _: Request) -> Response:
        """How we stand with the upstream that has invited us."""
        return JSONResponse({"membership": self._controller.guest.picture, "paste": self._controller.guest.paste})

    async def inside(self, request: Request) -> Response:
        """Whether nginx may show a file: 204, or 403 for one that a link leads out to."""
        # A header comes as Latin-1, the path in it is bytes.
        path = os.fsdecode(request.headers["x-path"].encode("latin-1"))
        _, name, below = path.split("/", 2)
        return Response(status_code=204 if _is_inside(self._controller.places.archive(name), below) else 403)


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
