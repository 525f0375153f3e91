"""How mirrors join: their statements by HTTP, which anybody may send, and what mirrorctl asks and orders about them."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from appliance import log, status
from appliance.controller import Controller
from appliance.errors import ApplianceError
from appliance.introduction import push_keys
from appliance.joining import paper
from appliance.joining.hearing import Heard, Stranger
from appliance.joining.inviting import Offer
from appliance.settings.faults import Fault

OFTEN: Final = 60.0
"""Seconds between two log lines about strangers, however many there are."""


class Joining:
    """What one controller hears of those who join, and what it is told about them."""

    def __init__(self, controller: Controller) -> None:
        self._controller, self._strangers = controller, Strangers()

    def routes(self) -> list[Route]:
        """``/join`` is everybody's, what is below ``/control/`` nginx shows to nobody."""
        return [
            Route("/join", self.join, methods=["POST"]),
            Route("/control/admit", self.admit, methods=["POST"]),
            Route("/control/invite", self.invite, methods=["POST"]),
            Route("/control/revoke", self.revoke, methods=["POST"]),
            Route("/control/rotate", self.rotate, methods=["POST"]),
            Route("/control/rotate-push-key", self.rotate_push_key, methods=["POST"]),
            Route("/control/members", self.members),
        ]

    async def join(self, request: Request) -> Response:
        """A statement, and the answer to it."""
        try:
            heard = self._controller.host.hear(await _line(request))
        except (Stranger, Fault):
            self._strangers.note(request.headers.get("x-real-ip", ""))
            # Who is not believed is not told why: nor whether anybody of that name was invited.
            return PlainTextResponse("not believed\n", 403)
        return PlainTextResponse(f"{heard.line}\n")

    async def admit(self, request: Request) -> Response:
        """A statement that came by an operator's hand."""
        heard = _admitted(self._controller, (await request.json())["line"])
        return JSONResponse(_told(heard, push_keys(self._controller.places)[-1]))

    async def invite(self, request: Request) -> Response:
        """A token for a new member, or a new one for an old member."""
        wanted = await request.json()
        lists = {key: tuple(wanted[key]) for key in ("archives", "sources")}
        invitation, replaced = self._controller.host.invite(Offer(**{**wanted, **lists}))
        return JSONResponse({"token": invitation.token, "expires_at": invitation.expires_at, "replaced": replaced})

    async def revoke(self, request: Request) -> Response:
        """Somebody is no member any more."""
        return JSONResponse(status.member(self._controller.host.revoke((await request.json())["name"])))

    async def rotate(self, request: Request) -> Response:
        """A member is to ask for a new secret."""
        return JSONResponse(status.member(self._controller.host.rotate((await request.json())["name"])))

    async def rotate_push_key(self, request: Request) -> Response:
        """A second push key is made, or takes the place of the first."""
        return JSONResponse(asdict(self._controller.host.rotate_push_key((await request.json())["finish"])))

    async def members(self, _: Request) -> Response:
        """Everybody who was invited, as their operator may know them."""
        store = self._controller.store
        return JSONResponse({"members": {one.name: status.member(one) for one in store.members()}})


class Strangers:
    """Says in the log that somebody is not believed, and how many more there were: a flood is not one of log lines."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._next, self._untold = clock, 0.0, 0

    def note(self, address: str) -> None:
        """Another one, from that address."""
        now = self._clock()
        if now < self._next:
            self._untold += 1
            return
        log.trouble("a statement at /join was not believed", address=address or None, others=self._untold or None)
        self._next, self._untold = now + OFTEN, 0


async def _line(request: Request) -> str:
    """The body, no longer than a statement can be. Raises Fault."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > paper.LONGEST:
            raise Fault("is too long", "send one statement")
    return body.decode("ascii", "replace")


def _admitted(controller: Controller, line: str) -> Heard:
    """Raises ApplianceError for what is no statement that we believe."""
    try:
        return controller.host.hear(line, by_hand=True)
    except Fault as fault:
        raise ApplianceError(f"the line {fault.fact}", fault.cure) from None
    except Stranger:
        cure = (
            "see mirrorctl members; its token may be another mirror's, or older than the last one, or than our records"
        )
        raise ApplianceError("nobody whom we have invited has written this line", cure) from None


def _told(heard: Heard, key: str) -> dict[str, Any]:
    """``push_key``: the one that stays, when only an operator can tell the member of it."""
    facts = {"result": heard.result, "says": heard.says, "answer": heard.line, "member": status.member(heard.member)}
    return facts | {"push_key": None if key in heard.member.told else key}
