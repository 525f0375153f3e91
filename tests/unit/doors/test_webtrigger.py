from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from appliance.controller import Controller
from appliance.doors import http
from appliance.errors import ConfigurationError
from appliance.settings import load
from tests.unit.house import House

PASSWORD = "a-long-random-password"
TOKEN = "7d9f2c1e-54aa-4d0e-9a55-0d6a3a1c8a11"
HERE = {"X-Real-IP": "192.0.2.1"}


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path / "house")
    house.extra |= {
        "MIRROR_ARCHIVES__RELEASES__UPSTREAM": "none",
        "MIRROR_HTTP_TRIGGERS__ARCHIVE__PASSWORD": PASSWORD,
        "MIRROR_HTTP_TRIGGERS__ARCHIVE__ARCHIVES": "debian",
        "MIRROR_HTTP_TRIGGERS__ARCHIVE__FROM": "192.0.2.0/24,!192.0.2.9,2001:DB8::7,198.51.100.2?",
        "MIRROR_HTTP_TRIGGERS__OTHER__TOKEN": TOKEN,
        "MIRROR_HTTP_TRIGGERS__OTHER__ARCHIVES": "releases",
    }
    yield house
    house.store.close()


def load_url(house: House, path: str, method: str = "GET", **more: object) -> httpx.Response:
    async def call() -> httpx.Response:
        controller = Controller(load(house.environ), house.places, house.store)
        transport = httpx.ASGITransport(http.application(controller, list))
        async with httpx.AsyncClient(transport=transport, base_url="http://mirror") as client:
            return await client.request(method, path, **{"headers": HERE, **more})  # type: ignore[arg-type]

    return asyncio.run(call())


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_the_user_decides_about_the_archive(house: House, method: str) -> None:
    answer = load_url(house, "/trigger", method, auth=("archive", PASSWORD))
    assert answer.status_code == 202
    (request,) = house.store.open_requests("debian")
    assert (request.stage, request.source, request.by) == ("all", "http", "archive")
    follow = answer.json()["accepted"][0]["follow"]
    waiting = {
        "archive": "debian",
        "stage": "all",
        "state": "waiting",
        "code": None,
        "run": None,
        "paused": False,
        "progress": None,
    }
    assert load_url(house, follow).json() == waiting


def test_the_archive_and_a_token_in_the_path(house: House) -> None:
    assert load_url(house, f"/trigger/releases/{TOKEN}?stage=stage1").status_code == 202
    (request,) = house.store.open_requests("releases")
    assert request.stage == "stage1"


@pytest.mark.parametrize(
    ("user", "password"), [("archive", "wrong"), ("nobody", PASSWORD), ("other", TOKEN), ("", ""), ("archive", "")]
)
def test_wrong_credentials_are_all_answered_alike(house: House, user: str, password: str) -> None:
    answer = load_url(house, "/trigger", auth=(user, password))
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, 'Basic realm="trigger"')
    assert answer.json() == {"error": "who are you?"}
    assert house.store.open_requests("debian") == []


@pytest.mark.parametrize("header", ["", "Basic", "Basic ???", "Bearer abc", "Basic /w=="])
def test_headers_that_are_no_credentials(house: House, header: str) -> None:
    assert load_url(house, "/trigger", headers={**HERE, "Authorization": header}).status_code == 401


@pytest.mark.parametrize(
    "path", [f"/trigger/debian/{TOKEN}", "/trigger/releases/wrong", f"/trigger/nowhere/{TOKEN}", "/trigger/releases/"]
)
def test_a_wrong_path_leads_nowhere(house: House, path: str) -> None:
    assert load_url(house, path).status_code == 404
    assert house.store.open_requests("debian") + house.store.open_requests("releases") == []


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("192.0.2.1", 202),
        ("2001:db8::7", 202),
        ("198.51.100.25", 202),
        ("192.0.2.9", 401),
        ("2001:db8::8", 401),
        ("198.51.100.1", 401),
        ("", 401),
    ],
)
def test_it_is_good_from_some_addresses_only(house: House, address: str, status: int) -> None:
    answer = load_url(house, "/trigger", auth=("archive", PASSWORD), headers={"X-Real-IP": address})
    assert answer.status_code == status


def test_an_unknown_stage(house: House) -> None:
    assert load_url(house, "/trigger?stage=everything", auth=("archive", PASSWORD)).status_code == 400


def test_an_unknown_request(house: House) -> None:
    assert load_url(house, "/api/v1/requests/nobody's").status_code == 404


@pytest.mark.parametrize(
    ("variable", "value", "fact"),
    [
        ("MIRROR_HTTP_TRIGGERS__OTHER__TOKEN", "nineteen-characters", "has 19 characters"),
        ("MIRROR_HTTP_TRIGGERS__OTHER__TOKEN", "a/token/of/several/steps", "a URL's path"),
        ("MIRROR_HTTP_TRIGGERS__ARCHIVE__PASSWORD", "15 characters !", "has 15 characters"),
        ("MIRROR_HTTP_TRIGGERS__A_NAME__FROM", "hub.example.org", "is a host's name"),
        ("MIRROR_HTTP_TRIGGERS__A_NAME__FROM", "192.0.2.1/24", "host bits set"),
        ("MIRROR_HTTP_TRIGGERS__A_NAME__ARCHIVES", "nowhere", "no archive 'nowhere'"),
        ("MIRROR_ARCHIVES__TRIGGER__UPSTREAM", "none", "cannot be the name of an archive"),
    ],
)
def test_settings_that_do_not_do(house: House, variable: str, value: str, fact: str) -> None:
    house.extra |= {"MIRROR_HTTP_TRIGGERS__A_NAME__PASSWORD": PASSWORD, variable: value}
    with pytest.raises(ConfigurationError) as caught:
        load(house.environ)
    (problem,) = caught.value.problems
    assert variable.startswith(problem.variable)
    assert fact in problem.fact
    assert value not in str(problem) or not variable.endswith(("TOKEN", "PASSWORD"))


def test_a_trigger_without_any_secret(house: House) -> None:
    house.extra["MIRROR_HTTP_TRIGGERS__EMPTY__ARCHIVES"] = "debian"
    with pytest.raises(ConfigurationError) as caught:
        load(house.environ)
    assert [problem.variable for problem in caught.value.problems] == ["MIRROR_HTTP_TRIGGERS__EMPTY__PASSWORD"]
