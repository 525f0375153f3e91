"""``/r/ARCHIVE/PATH``: sends a client to a mirror that has the path, or to ourselves; ``?explain`` says why.

In front of the other doors and without a framework: this one is asked for every single file.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Iterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from appliance.controller import Controller
from appliance.doors import asked, whence
from appliance.doors.asked import Asked
from appliance.doors.explanation import Explanation
from appliance.doors.tables import Tables
from appliance.sync.profile import Kind, Profile, kind_of
from appliance.tree.metalink import ROOT
from appliance.tree.place import Place
from appliance.tree.redirect import Wants

PREFIX: Final = b"/r/"
TERMINALS: Final = (b"curl/", b"wget/")
"""What reads an explanation as text."""

LINKED: Final = 256
"""Bytes of a path that is repeated for each duplicate: nginx takes 4096 of headers from us."""

_Message = MutableMapping[str, Any]
_Send = Callable[[_Message], Awaitable[None]]
_Receive = Callable[[], Awaitable[_Message]]
App = Callable[[Any, Any, Any], Awaitable[None]]
_Headers = list[tuple[bytes, bytes]]

_ALWAYS: Final[_Headers] = [(b"cache-control", b"private, no-cache")]
_NOTHING: Final = b"there is no such path in an archive of ours\n"


@dataclass(frozen=True, slots=True)
class Client:
    """Who asks: by address and country as far as they are known, whether by https, and what it reads."""

    address: bytes
    country: str
    secure: bool
    in_terminal: bool
    headers: Mapping[bytes, bytes]


class Redirect:
    """The door; whatever is not below its prefix goes to the application behind it."""

    def __init__(self, controller: Controller, tables: Tables, behind: App) -> None:
        self._controller, self._tables, self._behind = controller, tables, behind
        self._count = controller.redirected
        self._profiles: dict[str, tuple[object, Profile]] = {}

    async def __call__(self, scope: _Message, receive: _Receive, send: _Send) -> None:
        """Answer one request (ASGI)."""
        if scope["type"] != "http" or not scope["raw_path"].startswith(PREFIX):
            await self._behind(scope, receive, send)
        elif scope["method"] not in ("GET", "HEAD"):
            self._count.refused["method"] += 1
            await _answer(send, 405, [(b"allow", b"GET, HEAD")], b"", "text/plain")
        else:
            await self._redirect(scope, send)

    async def _redirect(self, scope: _Message, send: _Send) -> None:
        wanted = asked.parse(scope["raw_path"], PREFIX)
        known = self._tables.of(wanted.archive) if wanted else None
        if wanted is None or known is None:
            self._count.refused["path"] += 1
            await _answer(send, 404, [], _NOTHING, "text/plain")
            return
        client = self._client(scope["headers"])
        wants = self._wants(wanted, client)
        # Metadata by the client alone: all of it from one mirror. Other files by their name, too: all share the load.
        who = client.address if wants.metadata else client.address + b" " + wanted.path
        query = scope["query_string"]
        places = known.table.choose(wants, who)
        if query.startswith(b"explain"):
            by = whence.reason(self._controller, client.headers)
            location = _place(places, wanted, client)
            why = Explanation(wanted, wants, known.table, who, location, client.country, by)
            await _explain(send, query, client, why)
            return
        self._note(wanted.archive, places, wants)
        headers = [(b"location", _place(places, wanted, client).encode()), *_links(places, wanted, client)]
        await _answer(send, 302, headers, b"", "")

    def _note(self, archive: str, places: Sequence[Place], wants: Wants) -> None:
        if places:
            self._count.sent[archive, places[0].name] += 1
        else:
            self._count.kept[archive, "own" if wants.since is None else "nobody"] += 1

    def _client(self, headers: _Headers) -> Client:
        found = dict(headers)
        return Client(
            found.get(b"x-forwarded-for", b""),
            whence.country(self._controller, found),
            found.get(b"x-forwarded-proto") == b"https",
            found.get(b"user-agent", b"").lower().startswith(TERMINALS) and b"json" not in found.get(b"accept", b""),
            found,
        )

    def _wants(self, wanted: Asked, client: Client) -> Wants:
        name = os.fsdecode(wanted.path)
        kind = kind_of(self._profile(wanted.archive), name)
        if kind is Kind.TRACE or not name or name.endswith("/"):  # of one's own on every mirror
            return Wants(None, secure=client.secure)
        if kind is Kind.INDEX:
            return Wants(0, True, client.country, client.secure)
        return Wants(self._tables.since(wanted.archive, wanted.path), False, client.country, client.secure)

    def _profile(self, archive: str) -> Profile:
        """As long as the settings are the same it is, too."""
        settings = self._controller.settings.archives[archive]
        source, profile = self._profiles.get(archive, (None, None))
        if profile is None or source is not settings:
            profile = Profile.of(settings.profile, settings.index)
            self._profiles[archive] = settings, profile
        return profile


def _place(places: Sequence[Place], wanted: Asked, client: Client) -> str:
    """Where to: at the mirror, or at ourselves by whatever name and port the client came."""
    return f"{places[0].url(client.secure)}/{wanted.quoted}" if places else f"/{wanted.archive}/{wanted.quoted}"


def _links(places: Sequence[Place], wanted: Asked, client: Client) -> Iterator[tuple[bytes, bytes]]:
    """The next best as duplicates, and the metalink where there is one (RFC 6249)."""
    if len(wanted.quoted) > LINKED:
        return
    links = [
        f"<{one.url(client.secure)}/{wanted.quoted}>; rel=duplicate; pri={number}"
        + (f"; geo={one.country}" if one.country else "")
        for number, one in enumerate(places, 1)
    ]
    if f"/{wanted.quoted}".endswith(f"/{ROOT}"):
        repository = f"/{wanted.archive}/metalink/{wanted.quoted}".removesuffix(f"/{ROOT}")
        links.append(f'</mirrors{repository}>; rel=describedby; type="application/metalink+xml"')
    if links:
        yield b"link", ", ".join(links).encode()


async def _explain(send: _Send, query: bytes, client: Client, why: Explanation) -> None:
    form = query.partition(b"&")[0].partition(b"=")[2]
    if form == b"text" or (client.in_terminal and form != b"json"):
        await _answer(send, 200, [], why.text().encode(), "text/plain")
    else:
        await _answer(send, 200, [], why.json().encode(), "application/json")


async def _answer(send: _Send, status: int, headers: _Headers, body: bytes, kind: str) -> None:
    more = [(b"content-type", f"{kind}; charset=utf-8".encode())] if kind else []
    length = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": status, "headers": [*headers, *_ALWAYS, *more, length]})
    await send({"type": "http.response.body", "body": body})
