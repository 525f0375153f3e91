"""What mirrorctl orders over the controller's own socket: each lever does one thing, and says what came of it."""

from __future__ import annotations

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from appliance.controller import Controller
from appliance.errors import ApplianceError
from appliance.sync.entry import leaves
from appliance.sync.profile import TRACE_DIRECTORY


class Levers:
    """Those of one controller; ``reload`` re-reads mounted files and names what changed."""

    def __init__(self, controller: Controller, reload: Callable[[], list[str]]) -> None:
        self._controller, self._reload = controller, reload

    def routes(self) -> list[Route]:
        """Below ``/control/``, which nginx shows to nobody."""
        levers = (self.pause, self.resume, self.push, self.repair, self.notify, self.reload, self.join)
        return [Route(f"/control/{lever.__name__}", lever, methods=["POST"]) for lever in levers]

    async def pause(self, request: Request) -> Response:
        """Let the requests of an archive wait."""
        return JSONResponse({"changed": self._controller.pause((await request.json())["archive"])})

    async def resume(self, request: Request) -> Response:
        """Serve what has waited."""
        return JSONResponse({"changed": self._controller.resume((await request.json())["archive"])})

    async def push(self, request: Request) -> Response:
        """Tell downstreams, or one of them, what is published, also if they know."""
        wanted = await request.json()
        return JSONResponse({"downstreams": self._controller.tell_again(wanted["archive"], wanted.get("downstream"))})

    async def repair(self, request: Request) -> Response:
        """Have files fetched again."""
        wanted = await request.json()
        return JSONResponse({"request": self._controller.repair(wanted["archive"], _checked(wanted["paths"]))})

    async def notify(self, _: Request) -> Response:
        """Try every way to who runs the mirror."""
        return JSONResponse({"troubles": await self._controller.notices.test()})

    async def reload(self, _: Request) -> Response:
        """Read the mounted files again."""
        return JSONResponse({"changed": self._reload()})

    async def join(self, request: Request) -> Response:
        """Ask the upstream that has invited us again, for new passwords if they are to be renewed."""
        await self._controller.guest.again(renew=(await request.json())["renew"])
        return JSONResponse({"membership": self._controller.guest.picture, "paste": self._controller.guest.paste})


def _checked(paths: list[str]) -> list[str]:
    """The paths, if all of them are names of files in an archive; traces are written by every mirror itself."""
    for path in paths:
        if not path or "\0" in path or leaves(path) or path.startswith(f"{TRACE_DIRECTORY}/"):
            raise ApplianceError(f"{path!r} cannot be repaired", "name files by their paths below the archive")
    return paths
