from __future__ import annotations

import asyncio
import os
import random
from pathlib import Path

import pytest

from appliance.served.countries import Countries
from appliance.settings import geoip, read
from tests.mmdb import countries as made
from tests.mmdb import database

NETWORKS = {"192.0.2.0/24": "DE", "198.51.100.0/25": "FR", "2001:db8::/32": "SE"}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "countries.mmdb"
    path.write_bytes(made(NETWORKS))
    return path


def problems(path: Path) -> list[str]:
    given = {
        "MIRROR_NAME": "leaf",
        "MIRROR_ARCHIVES__DEBIAN__UPSTREAM": "none",
        "MIRROR_GEOIP": str(path),
    }
    return [f"{one.variable}: {one.fact}: {one.cure}" for one in read(given).problems]


@pytest.mark.parametrize(
    ("address", "country"),
    [
        ("192.0.2.7", "de"),
        ("198.51.100.127", "fr"),
        ("198.51.100.128", ""),
        ("2001:db8::7", "se"),
        ("2001:db9::7", ""),
        ("::ffff:192.0.2.7", "de"),
        ("", ""),
        ("unknown", ""),
    ],
)
def test_an_address_is_in_a_country(file: Path, address: str, country: str) -> None:
    known = Countries(file)
    assert [known.of(address) for _ in range(2)] == [country, country]


def test_without_a_database_nothing_is_known() -> None:
    assert Countries(None).of("192.0.2.7") == ""


@pytest.mark.parametrize(
    ("record", "country"),
    [
        ({"registered_country": {"iso_code": "US"}}, "us"),
        ({"country": {"geoname_id": 1}, "registered_country": {"iso_code": "US"}}, "us"),
        ({"country": "NL"}, "nl"),
        ({"country_code": "NL", "country": "Netherlands"}, "nl"),
        ({"country": {"iso_code": "<b>"}}, ""),
        ("NL", ""),
        (None, ""),
    ],
)
def test_databases_have_countries_in_several_places(record: object, country: str) -> None:
    assert geoip.country_of(record) == country


def test_a_file_that_is_replaced_is_used_and_a_faulty_one_is_not(file: Path) -> None:
    known = Countries(file)
    for content, expected in (
        (made({"192.0.2.0/24": "AT"}), "at"),
        (b"no database", "at"),
        (made({"192.0.2.0/24": "CH"}), "ch"),
    ):
        new = file.with_name("new")
        new.write_bytes(content)
        os.replace(new, file)
        asyncio.run(known.look())
        assert known.of("192.0.2.7") == expected
    file.unlink()
    asyncio.run(known.look())
    assert known.of("192.0.2.7") == "ch"
    known.take_over(None)
    assert known.of("192.0.2.7") == ""


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "No such file or directory"),
        (b"", "is no database that can be read"),
        (b"no database", "is no database that can be read"),
        (made(NETWORKS)[:100], "is no database that can be read"),
        (database({"192.0.2.0/24": {"autonomous_system_number": 64496}}, "Test-ASN"), "(Test-ASN) knows no countries"),
        (database({}), "knows no countries"),
    ],
)
def test_what_is_no_database_of_countries_is_a_problem(tmp_path: Path, content: bytes | None, said: str) -> None:
    path = tmp_path / "it.mmdb"
    if content is not None:
        path.write_bytes(content)
    (problem,) = problems(path)
    assert problem.startswith(f"MIRROR_GEOIP: {path}")
    assert said in problem
    assert "GeoLite2-Country.mmdb" in problem


def test_a_good_one_is_no_problem(file: Path) -> None:
    assert problems(file) == []


def test_a_broken_database_breaks_nothing(tmp_path: Path) -> None:
    """Whatever is wrong inside: an address whose record cannot be read is in no country."""
    whole, path, chance = made(NETWORKS), tmp_path / "it.mmdb", random.Random(7)
    for _ in range(300):
        content = bytearray(whole)
        for _ in range(chance.randint(1, 8)):
            content[chance.randrange(len(content))] = chance.randrange(256)
        path.write_bytes(content)
        known = Countries(path)
        assert all(len(known.of(address)) in (0, 2) for address in ("192.0.2.7", "198.51.100.7", "2001:db8::7"))
