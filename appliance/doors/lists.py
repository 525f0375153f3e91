"""``/mirrors/…``: who mirrors our archives, in the forms that clients and status pages read.

The paths are stable: sources lists, ``.repo`` files and other people's pages hold them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from appliance import status
from appliance.controller import Controller
from appliance.doors import asked, whence
from appliance.doors.tables import Known, Tables
from appliance.tree import lists, metalink, site
from appliance.tree.place import Place, with_us

PREFIX: Final = "/mirrors"
_HEADERS: Final = {"Cache-Control": "private, no-cache", "Access-Control-Allow-Origin": "*"}
"""Status pages are read by scripts of other sites; nothing here is secret."""

_Form = Callable[["Question"], Response]


class Question:
    """One request: the archive's mirrors, and what the client's own side has to do with the answer."""

    def __init__(self, controller: Controller, tables: Tables, known: Known, request: HttpRequest) -> None:
        self.archive = request.path_params["archive"]
        self.repository = request.path_params.get("repository", "").strip("/")
        self.known, self.tables = known, tables
        self.secure = request.headers.get("x-forwarded-proto") == "https"
        self.country = whence.country(controller, dict(request.headers.raw))
        self.places: tuple[Place, ...] = with_us(
            known.table.places, f"{origin(controller, request)}/{self.archive}"
        )  # fmt: skip


def origin(controller: Controller, request: HttpRequest) -> str:
    """The beginning of our own URLs: as the client came, else by our name."""
    scheme = "https" if request.headers.get("x-forwarded-proto") == "https" else "http"
    return f"{scheme}://{asked.host(request.headers.get('host')) or controller.settings.name}"


def routes(controller: Controller, tables: Tables) -> list[Route]:
    """The routes of every form."""

    def answer(form: _Form) -> Callable[[HttpRequest], Awaitable[Response]]:
        async def one(request: HttpRequest) -> Response:
            known = tables.of(request.path_params["archive"])
            if known is None:
                return PlainTextResponse("there is no such archive here\n", 404)
            found = form(Question(controller, tables, known, request))
            found.headers.update(_HEADERS)
            return found

        return one

    async def mirrorz(request: HttpRequest) -> Response:
        about = {"url": origin(controller, request), "abbr": controller.settings.name, "name": controller.settings.name}
        return JSONResponse(site.mirrorz(about, status.archives(controller)), headers=_HEADERS)

    async def tunasync(_: HttpRequest) -> Response:
        return JSONResponse(site.tunasync(status.archives(controller)), headers=_HEADERS)

    return [
        Route(f"{PREFIX}/mirrorz.json", mirrorz),
        Route(f"{PREFIX}/tunasync.json", tunasync),
        *(Route(f"{PREFIX}/{{archive}}/{path}", answer(form)) for path, form in FORMS.items()),
    ]


def _plain(one: Question) -> Response:
    return PlainTextResponse(lists.plain(one.places, one.secure, one.country))


def _json(one: Question) -> Response:
    return JSONResponse({"archive": one.archive, "mirrors": lists.table(one.places, one.known.seen)})


def _apt(one: Question) -> Response:
    return PlainTextResponse(lists.apt(one.places, one.secure, one.country))


def _pacman(one: Question) -> Response:
    return PlainTextResponse(lists.pacman(one.places, one.secure, one.country))


def _mirmon(one: Question) -> Response:
    return PlainTextResponse(lists.mirmon(one.places, one.known.seen, one.known.published.ages))


def _yum(one: Question) -> Response:
    if not asked.is_directory(one.repository):
        return PlainTextResponse("that is no directory of an archive\n", 404)
    return PlainTextResponse(lists.yum(one.places, one.repository, one.secure, one.country))


def _metalink(one: Question) -> Response:
    fine = asked.is_directory(one.repository)
    editions = one.tables.editions(one.archive, one.repository) if fine else ()
    if not editions:
        return PlainTextResponse(f"there is no {metalink.ROOT} in that directory\n", 404)
    text = metalink.metalink(one.places, one.repository, editions, one.secure, one.country)
    return Response(text, media_type="application/metalink+xml")


FORMS: Final[dict[str, _Form]] = {
    "mirrors.txt": _plain,
    "mirrors.json": _json,
    "apt.txt": _apt,
    "pacman.txt": _pacman,
    "mirmon.state": _mirmon,
    "mirrorlist": _yum,
    "mirrorlist/{repository:path}": _yum,
    "metalink": _metalink,
    "metalink/{repository:path}": _metalink,
}
