"""What mirrorctl asks and orders over the controller's own socket: pause and resume, the runs, the last lines, how we
stand with the upstream that has invited us."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from appliance import log, status
from appliance.controller import Controller


def routes(controller: Controller) -> list[Route]:
    """Below ``/control/``, which nginx shows to nobody."""

    async def pause(request: Request) -> Response:
        return JSONResponse({"changed": controller.pause((await request.json())["archive"])})

    async def resume(request: Request) -> Response:
        return JSONResponse({"changed": controller.resume((await request.json())["archive"])})

    async def runs(request: Request) -> Response:
        asked = request.query_params
        found = controller.store.runs(asked.get("archive"), limit=int(asked.get("limit", "20")))
        return JSONResponse({"runs": [{"archive": run.archive, **status.run_of(run)} for run in found]})

    async def lines(request: Request) -> Response:
        archive = request.path_params["archive"]
        return JSONResponse({"lines": log.entries(archive), "text": log.last_lines(archive)})

    async def join(request: Request) -> Response:
        if request.method == "POST":
            await controller.guest.again(renew=(await request.json())["renew"])
        return JSONResponse({"membership": controller.guest.picture, "paste": controller.guest.paste})

    return [
        Route("/control/join", join, methods=["GET", "POST"]),
        Route("/control/pause", pause, methods=["POST"]),
        Route("/control/resume", resume, methods=["POST"]),
        Route("/control/runs", runs),
        Route("/control/logs/{archive}", lines),
    ]
