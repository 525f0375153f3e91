from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import httpx
import pytest

from appliance import metrics
from appliance.controller import Controller
from appliance.doors import http
from appliance.doors.tables import TICK
from appliance.records import Sighting
from appliance.settings import load
from tests.mmdb import countries
from tests.unit.house import House
from tests.unit.upstream import eventually

REGISTRY = """
["here.example.org"]
urls = ["https://here.example.org/*/"]
country = "de"
["late.example.org"]
urls = ["http://late.example.org/*/"]
country = "fr"
["never.example.org"]
urls = ["http://never.example.org/*/"]
"""
FIRST, SECOND = "2026112101", "2026112102"
OURS = "/debian/"
HERE, LATE = "https://here.example.org/debian/", "http://late.example.org/debian/"


def seen(name: str, serial: str, url: str) -> Sighting:
    return Sighting(
        name, "debian", None, "registered", url.rstrip("/"), serial, looked_at=time.time(), seen_at=time.time(),
        consistent=True, listed=True,
    )  # fmt: skip


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """A file of each of two publications; one mirror carries the second, one only the first."""
    house = House(tmp_path / "house")
    house.extra |= {"MIRROR_REGISTRY": REGISTRY, "MIRROR_COUNTRY_HEADER": "X-Country"}
    published = 0.0
    for number, serial in enumerate((FIRST, SECOND, "")):
        eventually(partial(is_written_after, house, f"pool/p{number}.deb", published))
        published = time.time() + TICK
        if serial:
            house.store.published("debian", serial, published)
    write(house, "dists/stable/InRelease")
    write(house, "rpm/repodata/repomd.xml")
    house.store.keep_sightings([seen("here.example.org", SECOND, HERE), seen("late.example.org", FIRST, LATE)])
    yield house
    house.store.close()


def write(house: House, name: str) -> float:
    """Returns when the file system says that was."""
    (house.tree / name).parent.mkdir(parents=True, exist_ok=True)
    (house.tree / name).write_text(name)
    return (house.tree / name).stat().st_ctime


def is_written_after(house: House, name: str, when: float) -> bool:
    return write(house, name) > when


def ask(house: House, path: str, method: str = "GET", **headers: str) -> httpx.Response:
    return asked(Controller(load(house.environ), house.places, house.store), path, method, **headers)


def asked(controller: Controller, path: str, method: str, **headers: str) -> httpx.Response:
    async def call() -> httpx.Response:
        transport = httpx.ASGITransport(http.application(controller, list))
        async with httpx.AsyncClient(transport=transport, base_url="http://mirror:8080") as client:
            names = {name.replace("_", "-"): value for name, value in headers.items()}
            return await client.request(method, path, headers={"X-Forwarded-For": "192.0.2.1"} | names)

    return asyncio.run(call())


def where(house: House, path: str, **headers: str) -> str:
    answer = ask(house, f"/r/debian/{path}", **headers)
    assert (answer.status_code, answer.headers["cache-control"]) == (302, "private, no-cache")
    return answer.headers["location"].removesuffix(path)


def test_each_file_comes_from_who_carries_its_serial(house: House) -> None:
    assert where(house, "pool/p0.deb", X_Country="fr") == LATE, "both have it, one is near"
    assert where(house, "pool/p1.deb", X_Country="fr") == HERE, "the late one has it not yet"
    assert where(house, "pool/p2.deb") == OURS, "no publication has told of it: nobody has it but us"
    assert where(house, "pool/p3.deb") == OURS, "nobody has it"
    assert where(house, "dists/stable/InRelease", X_Country="fr") == HERE, "metadata at our serial only"
    assert {where(house, path) for path in ("", "dists/", "project/trace/us")} == {OURS}, "of one's own everywhere"


def test_the_country_comes_from_a_header_or_else_from_the_database(house: House, tmp_path: Path) -> None:
    database = tmp_path / "countries.mmdb"
    database.write_bytes(countries({"192.0.2.0/24": "FR", "2001:db8::/32": "DE"}))
    house.extra["MIRROR_GEOIP"] = str(database)
    assert where(house, "pool/p0.deb", X_Real_IP="192.0.2.1") == LATE
    assert where(house, "pool/p0.deb", X_Real_IP="2001:db8::1") == HERE
    assert where(house, "pool/p0.deb", X_Real_IP="192.0.2.1", X_Country="de") == HERE, "who is in front knows better"
    assert where(house, "pool/p0.deb", X_Real_IP="192.0.2.1", X_Country="XX") == LATE, "but it does not"
    assert ask(house, "/mirrors/debian/mirrors.txt", X_Real_IP="192.0.2.1").text.splitlines()[0] == LATE
    for headers, country, by in (
        ({"X_Real_IP": "192.0.2.1"}, "fr", "by the database, for 192.0.2.1"),
        ({"X_Real_IP": "192.0.2.1", "X_Country": "de"}, "de", "by the header X-Country"),
        ({"X_Real_IP": "10.0.0.1"}, None, "the database does not know it, for 10.0.0.1"),
    ):
        story = ask(house, "/r/debian/pool/p0.deb?explain", **headers).json()
        assert (story["country"], story["country_by"]) == (country, by)
        assert f": {by}\n" in ask(house, "/r/debian/pool/p0.deb?explain=text", **headers).text


def test_without_a_database_an_explanation_says_what_is_missing(house: House) -> None:
    said = ask(house, "/r/debian/pool/p0.deb?explain").json()["country_by"]
    assert said == "no header X-Country names it"
    del house.extra["MIRROR_COUNTRY_HEADER"]
    said = ask(house, "/r/debian/pool/p0.deb?explain").json()["country_by"]
    assert said == "neither MIRROR_COUNTRY_HEADER nor MIRROR_GEOIP is set"


def test_what_became_of_requests_is_counted(house: House) -> None:
    controller = Controller(load(house.environ), house.places, house.store)
    for path, method in (
        ("pool/p0.deb", "GET"),
        ("pool/p1.deb", "HEAD"),
        ("pool/p1.deb?explain", "GET"),
        ("dists/", "GET"),
        ("pool/p2.deb", "GET"),
        ("pool/p3.deb", "GET"),
        ("%2e%2e/x", "GET"),
        ("pool/p0.deb", "POST"),
    ):
        asked(controller, f"/r/debian/{path}", method, X_Country="de")
    assert controller.redirected.sent == {("debian", "here.example.org"): 2}
    assert controller.redirected.kept == {("debian", "own"): 2, ("debian", "nobody"): 1}
    assert controller.redirected.refused == {"path": 1, "method": 1}
    controller.hits.instead["debian"] = 3
    said = metrics.text(controller).decode()
    assert 'mirror_redirects_total{archive="debian",mirror="here.example.org"} 2.0' in said
    assert 'mirror_redirect_fallbacks_total{archive="debian",reason="nobody"} 1.0' in said
    assert 'mirror_redirect_fallbacks_total{archive="debian",reason="busy"} 3.0' in said
    assert 'mirror_redirect_refusals_total{reason="path"} 1.0' in said


def test_what_goes_soon_comes_from_here(house: House) -> None:
    house.store.doom("debian", ["pool/p0.deb"], time.time())
    assert where(house, "pool/p0.deb") == OURS


def test_who_came_by_https_is_not_led_away_from_it(house: House) -> None:
    assert where(house, "pool/p0.deb", X_Country="fr", X_Forwarded_Proto="https") == HERE


def test_duplicates_and_the_metalink_are_linked(house: House) -> None:
    links = ask(house, "/r/debian/pool/p0.deb").headers["link"].split(", ")
    assert sorted(link.replace("pri=2", "pri=1") for link in links) == [
        f"<{LATE}pool/p0.deb>; rel=duplicate; pri=1; geo=fr",
        f"<{HERE}pool/p0.deb>; rel=duplicate; pri=1; geo=de",
    ]
    assert (
        ask(house, "/r/debian/rpm/repodata/repomd.xml")
        .headers["link"]
        .endswith('</mirrors/debian/metalink/rpm>; rel=describedby; type="application/metalink+xml"')
    )


def test_a_long_path_is_not_repeated_for_every_duplicate(house: House) -> None:
    name = f"pool/{'a' * 300}"
    assert "link" in ask(house, "/r/debian/dists/stable/InRelease").headers
    assert "link" not in ask(house, f"/r/debian/dists/{name}/InRelease").headers


def test_an_explanation_names_everybody(house: House) -> None:
    story = ask(house, "/r/debian/pool/p1.deb?explain").json()
    assert (story["serial"], story["since"], story["location"]) == (SECOND, SECOND, f"{HERE}pool/p1.deb")
    assert [(one["mirror"], one["fit"]) for one in story["candidates"]] == [
        ("here.example.org", True), ("late.example.org", False), ("leaf", False), ("never.example.org", False),
    ]  # fmt: skip
    assert all(one["reason"] for one in story["candidates"])
    text = ask(house, "/r/debian/pool/p1.deb?explain", User_Agent="curl/8").text
    assert f"to {HERE}pool/p1.deb\n" in text
    assert "- late.example.org   does not carry" in text
    assert ask(house, "/r/debian/pool/p1.deb?explain=json", User_Agent="curl/8").json() == story
    assert ask(house, f"/r/debian/pool/p1.deb?explain{'&more=1' * 100}").json() == story


@pytest.mark.parametrize(
    "path",
    [
        "/r/debian",
        "/r/nothing/x",
        "/r/debian/%2e%2e/x",
        "/r/debian/a%0d%0aSet-Cookie:x",
        "/r/debian//evil.example.org/",
    ],
)
def test_what_is_no_path_is_not_found(house: House, path: str) -> None:
    answer = ask(house, path)
    assert (answer.status_code, "location" in answer.headers) == (404, False)


def test_only_reading_is_redirected(house: House) -> None:
    assert ask(house, "/r/debian/pool/p0.deb", "HEAD").status_code == 302
    refused = ask(house, "/r/debian/pool/p0.deb", "POST")
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize(
    ("path", "kind", "holds"),
    [
        ("debian/mirrors.txt", "text/plain", f"{HERE}\n"),
        ("debian/apt.txt", "text/plain", f"{LATE}\tpriority:1 type:deb"),
        ("debian/mirrorlist/10/os", "text/plain", f"{HERE}10/os/\nhttp://mirror:8080/debian/10/os/\n"),
        ("debian/mirrorlist", "text/plain", f"{HERE}\n"),
        ("debian/pacman.txt", "text/plain", f"Server = {HERE}$repo/os/$arch\n"),
        ("debian/mirmon.state", "text/plain", f"{HERE} "),
        ("debian/metalink/rpm", "application/metalink+xml", f">{HERE}rpm/repodata/repomd.xml</url>"),
        ("mirrorz.json", "application/json", '"url":"http://mirror:8080"'),
        ("tunasync.json", "application/json", '"name":"debian"'),
    ],
)
def test_lists(house: House, path: str, kind: str, holds: str) -> None:
    house.store.published("debian", SECOND, time.time())
    answer = ask(house, f"/mirrors/{path}")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith(kind)
    assert answer.headers["access-control-allow-origin"] == "*"
    assert holds in answer.text


def test_the_list_for_programs_gives_reasons(house: House) -> None:
    rows = {row["name"]: row for row in json.loads(ask(house, "/mirrors/debian/mirrors.json").text)["mirrors"]}
    assert rows["late.example.org"]["missed"] == 1
    assert rows["never.example.org"]["reason"] == "was never seen with a serial"


@pytest.mark.parametrize(
    "path",
    ["other/mirrors.txt", "debian/metalink/none", "debian/metalink/..%2f..", "debian/mirrorlist/a%0ab", "debian/x"],
)
def test_no_such_list(house: House, path: str) -> None:
    assert ask(house, f"/mirrors/{path}").status_code == 404


def test_a_metalink_knows_what_was_before(house: House) -> None:
    async def both() -> tuple[str, str]:
        controller = Controller(load(house.environ), house.places, house.store)
        transport = httpx.ASGITransport(http.application(controller, list))
        async with httpx.AsyncClient(transport=transport, base_url="http://mirror") as client:
            house.store.published("debian", SECOND, time.time())
            before = (await client.get("/mirrors/debian/metalink/rpm")).text
            changed = house.tree / "rpm/repodata/new"
            changed.write_text("changed")
            os.replace(changed, house.tree / "rpm/repodata/repomd.xml")
            house.store.published("debian", "2026112103", time.time())
            async with asyncio.timeout(60):
                while "mm0:alternate>" not in (after := (await client.get("/mirrors/debian/metalink/rpm")).text):
                    await asyncio.sleep(0.05)
            return before, after

    before, after = asyncio.run(both())
    assert HERE in before
    assert "mm0:alternate>" not in before
    assert HERE in after, "carries what was before"
