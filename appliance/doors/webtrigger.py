"""Triggers by HTTP, for upstreams that load a URL and look no further.

Two forms: basic authentication, where the user decides which archives are meant (``/trigger``), and an archive with a
long random token in the path (``/trigger/ARCHIVE/TOKEN``). The answer comes at once, after the requests are durable.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import ipaddress
from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Final

from pydantic import SecretStr
from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from appliance import status
from appliance.controller import Controller, new_request
from appliance.settings.admitted import HttpTrigger

STAGES: Final = ("all", "stage1", "stage2")
_NOBODY: Final = HttpTrigger()


class WebTriggers:
    """Both forms, and what became of a request."""

    def __init__(self, controller: Controller) -> None:
        self._controller = controller

    def routes(self) -> list[Route]:
        """Those who load a URL do it by GET or by POST."""
        both = ["GET", "POST"]
        return [
            Route("/trigger", self.by_user, methods=both),
            Route("/trigger/{archive}/{token}", self.by_token, methods=both),
            Route("/api/v1/requests/{id}", self.state),
        ]

    async def by_user(self, request: HttpRequest) -> Response:
        """The user says by his name which archives are meant."""
        name, password = _credentials(request.headers.get("authorization", ""))
        trigger = self._controller.settings.http_triggers.get(name.lower(), _NOBODY)
        # The comparison is made for nobody too: a stranger learns nothing from the time an answer takes.
        if not _same(trigger.password, password) or not _comes_from(request, trigger):
            return JSONResponse({"error": "who are you?"}, 401, {"WWW-Authenticate": 'Basic realm="trigger"'})
        return self._accept(request, name.lower(), trigger.archives or tuple(self._controller.lanes))

    async def by_token(self, request: HttpRequest) -> Response:
        """Who has the token is known by it."""
        archive, token = request.path_params["archive"], request.path_params["token"]
        known = [
            name
            for name, trigger in self._controller.settings.http_triggers.items()
            if _same(trigger.token, token) and archive in (trigger.archives or self._controller.lanes)
            and _comes_from(request, trigger)
        ]  # fmt: skip
        if not known or archive not in self._controller.lanes:
            return JSONResponse({"error": "there is nothing here"}, 404)
        return self._accept(request, known[0], [archive])

    async def state(self, request: HttpRequest) -> Response:
        """What became of a request, for who has its id."""
        asked = self._controller.store.request(request.path_params["id"])
        if asked is None:
            return JSONResponse({"error": "no such request"}, 404)
        return JSONResponse(status.request(self._controller, asked))

    def _accept(self, request: HttpRequest, name: str, archives: Iterable[str]) -> Response:
        stage = request.query_params.get("stage", "all")
        if stage not in STAGES:
            return JSONResponse({"error": f"stage is one of {', '.join(STAGES)}"}, 400)
        requests = [new_request(archive, stage, "http", name) for archive in archives]
        self._controller.accept(requests)
        accepted = [{"archive": one.archive, "follow": f"/api/v1/requests/{one.id}"} for one in requests]
        return JSONResponse({"accepted": accepted}, 202)


def _credentials(header: str) -> tuple[str, str]:
    """User and password of a basic authentication header; empty ones for anything else."""
    scheme, _, text = header.partition(" ")
    try:
        user, _, password = base64.b64decode(text, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return "", ""
    return (user, password) if scheme.lower() == "basic" else ("", "")


def _same(secret: SecretStr | None, given: str) -> bool:
    """Whether the secret is the given one, in a time that depends on neither."""
    wanted = secret.get_secret_value() if secret else ""
    digests = (hashlib.sha256(text.encode("utf-8", "replace")).digest() for text in (wanted, given))
    return hmac.compare_digest(*digests) and bool(wanted)


def _comes_from(request: HttpRequest, trigger: HttpTrigger) -> bool:
    """Whether the client's address, as our own nginx saw it, is one the trigger is good from."""
    address = request.headers.get("x-real-ip", "")
    matching = [pattern for pattern in trigger.from_ if _matches(pattern.lstrip("!"), address)]
    # As sshd reads such a list: one that excludes wins, wherever it stands.
    return bool(matching) and not any(pattern.startswith("!") for pattern in matching)


def _matches(pattern: str, address: str) -> bool:
    try:
        # An address is a network of one; an IPv6 address has many spellings.
        return ipaddress.ip_address(address) in ipaddress.ip_network(pattern)
    except ValueError:
        return fnmatchcase(address, pattern.lower())
