from __future__ import annotations

import asyncio
import itertools
from pathlib import Path

import pytest

from appliance.places import Places
from appliance.settings import load
from appliance.tree.connections import Connections
from tests.unit.house import House, until

LEAF = "leaf=ssh://mirror@leaf.example.org:2222"


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> House:
    house = House(tmp_path / "house")
    house.record_ssh(monkeypatch)
    house.store.close()
    return house


def argv(house: House, downstream: str = LEAF, connections: Connections | None = None) -> list[str]:
    house.downstreams = downstream
    settings = load(house.environ)
    return (connections or Connections(house.places)).argv(settings, settings.downstreams[0], " sync:all")


def options(argv: list[str]) -> list[str]:
    return [word for flag, word in itertools.pairwise(argv) if flag == "-o"]


def socket(argv: list[str]) -> str:
    """Where the connection is kept; empty when it is not."""
    return next((word for word in options(argv) if word.startswith("ControlPath=")), "")


def test_the_ssh_command_line(house: House) -> None:
    line = argv(house)
    assert line[-2:] == ["leaf.example.org", " sync:all"]
    assert {
        "Port=2222", "User=mirror", "BatchMode=yes", "StrictHostKeyChecking=yes", "IdentitiesOnly=yes",
        "ControlMaster=auto", "ControlPersist=900",
    } <= set(options(line))  # fmt: skip
    assert house.places.connections.stat().st_mode & 0o777 == 0o700


def test_the_same_way_is_the_same_connection(house: House) -> None:
    same = [argv(house), argv(house), argv(house, LEAF.replace("leaf=", "other=") + "?push=all&archives=debian")]
    assert len({socket(line) for line in same}) == 1


def test_everything_else_is_another_connection(house: House, tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("a key")
    ways = (
        LEAF, LEAF.replace("leaf.", "leaf2."), LEAF.replace("2222", "22"), LEAF.replace("mirror@", "archvsync@"),
        f"{LEAF}?key={key}", f"{LEAF}?options=-4", f"{LEAF}?options=-oUser%3Dother",
    )  # fmt: skip
    assert len({socket(argv(house, way)) for way in ways}) == len(ways)


def test_after_a_while_it_is_another_connection(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    before = socket(argv(house))
    monkeypatch.setattr("appliance.tree.connections.LONGEST_LIFE", 7)
    assert socket(argv(house)) != before


def test_the_operators_own_options_stand_first(house: House) -> None:
    words = options(argv(house, f"{LEAF}?options=-o%20ControlMaster%3Dno%20-o%20ServerAliveInterval%3D7"))
    assert words.index("ControlMaster=no") < words.index("ControlMaster=auto")
    assert words.index("ServerAliveInterval=7") < words.index("ServerAliveInterval=5")
    assert words.index("ServerAliveInterval=5") < words.index("ServerAliveInterval=45")


@pytest.mark.parametrize("flag", ["-v", "-vvv", "-4v"])
def test_who_wants_to_see_everything_keeps_nothing(house: House, flag: str) -> None:
    assert not socket(argv(house, f"{LEAF}?options={flag}"))
    assert socket(argv(house, f"{LEAF}?options=-oServerAliveInterval%3D7"))


def test_nothing_is_kept_when_nobody_wants_it_or_there_is_no_place(house: House) -> None:
    house.extra["MIRROR_PUSH_KEEP"] = "0"
    assert not socket(argv(house))
    del house.extra["MIRROR_PUSH_KEEP"]
    nowhere = Connections(Places(house.root / "nowhere", house.places.state, house.places.data))
    assert not socket(argv(house, connections=nowhere))


def test_a_reload_begins_anew_and_lets_the_old_ones_end(house: House) -> None:
    connections = Connections(house.places)

    async def scene() -> None:
        before = socket(argv(house, connections=connections))
        old = Path(before.removeprefix("ControlPath="))
        old.touch()
        connections.renew()
        assert socket(argv(house, connections=connections)) != before
        await until(lambda: house.told)
        assert house.told == [f"-S{old}"]
        await connections.end()
        assert not house.places.connections.exists()

    asyncio.run(scene())


def test_sshs_remarks_about_kept_connections_are_not_the_downstreams_words(house: House) -> None:
    remarks = ("mux_client_request_session: session request failed", "ControlSocket /x already exists, disabling")
    house.answer("leaf.example.org", f"printf '%s\\r\\n' '{remarks[0]}' '{remarks[1]}' 'no space left' >&2; exit 4")
    house.downstreams = LEAF
    settings = load(house.environ)
    outcome = asyncio.run(Connections(house.places).run(settings, settings.downstreams[0], "sync:all"))
    assert (outcome.code, outcome.stderr.strip()) == (4, "no space left")
