"""Every answer of the API is what its own document says, and nothing in it is secret."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate

from appliance.controller import Controller
from appliance.doors import events as events_door
from appliance.doors import openapi, page
from appliance.doors.api import Api
from appliance.doors.events import Events
from appliance.doors.webtrigger import WebTriggers
from tests.browser.scenes import SCENES, Scene
from tests.unit.house import House
from tests.unit.scenery import asked, made


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path / "house")
    yield house
    house.store.close()


def described(path: str, code: int = 200) -> Draft202012Validator:
    """What the document says of an answer."""
    document = openapi.document()
    responses = document["paths"][path]["get"]["responses"]
    schema = responses[str(code)]["content"]["application/json"]["schema"]
    return Draft202012Validator({**schema, "components": document["components"]})


def test_the_document_is_one_of_openapi_3_1(house: House) -> None:
    (answer,) = asked(house, SCENES["two"], "/api/v1/openapi.json")
    assert answer.json()["openapi"].startswith("3.1")
    validate(answer.json())


@pytest.mark.parametrize("scene", ["two", "syncing", "refused", "half-dead"])
def test_every_answer_is_what_the_document_says(house: House, scene: str) -> None:
    paths = {
        "/api/v1/status": "/api/v1/status",
        "/api/v1/archives": "/api/v1/archives",
        "/api/v1/archives/debian": "/api/v1/archives/{archive}",
        "/api/v1/runs": "/api/v1/runs",
        "/api/v1/runs?archive=debian&limit=3": "/api/v1/runs",
        "/api/v1/runs/3": "/api/v1/runs/{run}",
        "/api/v1/mirrors?archive=debian": "/api/v1/mirrors",
        "/api/v1/report": "/api/v1/report",
        "/readyz": "/readyz",
    }
    answers = asked(house, SCENES[scene], *paths)
    for answer, (asked_for, path) in zip(answers, paths.items(), strict=True):
        assert answer.status_code in (200, 503), asked_for
        described(path, answer.status_code).validate(answer.json())
    (request,) = house.store.open_requests("debian")[-1:]
    followed = asked(house, None, f"/api/v1/requests/{request.id}")[0].json()
    described("/api/v1/requests/{id}").validate(followed)


def test_what_is_not_there_is_said_so(house: House) -> None:
    paths = {
        "/api/v1/archives/other": ("/api/v1/archives/{archive}", 404),
        "/api/v1/runs/4000": ("/api/v1/runs/{run}", 404),
        "/api/v1/runs/99999999999999999999999": ("/api/v1/runs/{run}", 404),
        f"/api/v1/runs/{'9' * 5000}": ("/api/v1/runs/{run}", 404),
        "/api/v1/runs/last": ("/api/v1/runs/{run}", 404),
        "/api/v1/runs?limit=0": ("/api/v1/runs", 400),
        "/api/v1/runs?limit=501": ("/api/v1/runs", 400),
        "/api/v1/runs?before=x": ("/api/v1/runs", 400),
        "/api/v1/runs?before=99999999999999999999999": ("/api/v1/runs", 400),
        "/api/v1/requests/nobody's": ("/api/v1/requests/{id}", 404),
    }
    for answer, (path, code) in zip(asked(house, SCENES["two"], *paths), paths.values(), strict=True):
        assert answer.status_code == code, answer.url
        described(path, code).validate(answer.json())


def test_every_route_of_the_api_is_described(house: House) -> None:
    controller = made(house, SCENES["two"])
    routes = [*Api(controller).routes(), *WebTriggers(controller).routes(), *page.routes(controller)]
    served = {route.path for route in routes} | {"/readyz"}
    described = openapi.document()["paths"].keys()
    assert {path for path in served if path.startswith("/api/")} - described == {"/api/v1/openapi.json"}
    assert described <= served


def test_runs_come_page_by_page_each_once(house: House) -> None:
    path, found, pages = "/api/v1/runs?archive=debian&limit=10", [], 0
    while path:
        page = asked(house, SCENES["two"] if not pages else None, path)[0].json()
        found += [run["id"] for run in page["runs"]]
        path, pages = page["next"], pages + 1
    assert found == sorted(set(found), reverse=True)
    assert (len(found), pages) == (house.store.count_runs("debian"), 3)


def test_nothing_secret_is_in_any_answer(house: House) -> None:
    described = {path for path in openapi.document()["paths"] if "{" not in path} - {"/api/v1/events"}
    paths = ("/", "/status/debian", "/metrics", "/api/v1/archives/debian", "/api/v1/runs/3", *sorted(described))
    for answer in asked(house, SCENES["refused"], *paths, secrets=True):
        assert answer.status_code in (200, 503)
        assert "SECRET" not in answer.text, answer.url


def listening(house: House, scene: Scene, listen: Callable[[Controller, Events], Any]) -> None:
    async def play() -> None:
        controller = made(house, scene)
        async with asyncio.timeout(60):
            await listen(controller, Events(controller, most=2))

    asyncio.run(play())


ALIVE = ": still here\n\n"


def test_a_change_is_told_once_with_the_names_of_what_changed(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events_door, "ALIVE", 0.5)

    async def listen(controller: Controller, events: Events) -> None:
        stream = events.events()
        assert await anext(stream) == "retry: 3000\n\n"
        waiting = asyncio.ensure_future(anext(stream))
        await asyncio.sleep(0)
        controller.store.note("debian", "look here")
        controller.store.note("debian", "look there")
        told = await waiting
        while told == ALIVE:  # which is short, and the machine may be busy
            told = await anext(stream)
        assert told == 'event: change\ndata: {"archives": ["debian"], "mirrors": [], "downstreams": []}\n\n'
        controller.bell.ring()  # something that nobody can see
        assert await anext(stream) == ALIVE
        await stream.aclose()

    listening(house, SCENES["twelve"], listen)


def test_how_far_a_run_is_is_told_while_it_goes_on(house: House) -> None:
    async def listen(controller: Controller, events: Events) -> None:
        stream = events.events()
        await anext(stream)
        told = await anext(stream)
        assert told.startswith('event: progress\ndata: {"debian": {"run": ')
        await stream.aclose()

    listening(house, SCENES["syncing"], listen)


def test_who_listens_is_counted_and_too_many_are_sent_away(house: House) -> None:
    async def listen(_: Controller, events: Events) -> None:
        request: Any = None
        codes = [(await events.answer(request)).status_code for _ in range(3)]
        assert (codes, events.listeners) == ([200, 200, 503], 2)

    listening(house, SCENES["two"], listen)


def test_who_hangs_up_makes_room(house: House) -> None:
    async def listen(_: Controller, events: Events) -> None:
        request: Any = None
        sent: list[Any] = []

        async def receive() -> dict[str, str]:
            while len(sent) < 2:
                await asyncio.sleep(0)
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            sent.append(message)

        answer = await events.answer(request)
        await answer({"type": "http", "asgi": {"spec_version": "2.0"}}, receive, send)
        assert events.listeners == 0
        assert sent[0]["status"] == 200

    listening(house, SCENES["two"], listen)
