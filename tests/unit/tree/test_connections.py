from __future__ import annotations

import asyncio
import itertools
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from appliance import words
from appliance.commands import Outcome
from appliance.places import Places
from appliance.settings import load
from appliance.tree import holders as module
from appliance.tree.connections import Connections
from tests.unit.house import House, until

LEAF = "leaf=ssh://mirror@leaf:2222"
AGAIN = words.CONNECT_AGAIN
HOLDER = Path(__file__).with_name("holder.py")


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> House:
    """Its ssh holds connections, and notes how it was called."""
    house = House(tmp_path / "h", downstreams=LEAF, extra={"MIRROR_PUSH_KEEP": "900"})
    house.record_ssh(monkeypatch)
    (house.root / "bin" / "ssh").write_text(f'#!/bin/sh\nexec {sys.executable} {HOLDER} {house.root} "$@"\n')
    house.store.close()
    return house


def played(house: House, scene: Callable[[Connections], Awaitable[None]]) -> None:
    async def play() -> None:
        connections = Connections(house.places)
        try:
            await scene(connections)
        finally:
            await connections.end()
        assert not house.places.connections.exists()

    asyncio.run(play())


async def tell(house: House, connections: Connections, command: str = "sync:all", downstream: str = LEAF) -> Outcome:
    house.downstreams = downstream
    settings = load(house.environ)
    return await connections.run(settings, settings.downstreams[0], command)


def holders(house: House) -> list[str]:
    return [line for line in house.told if line.startswith("holds ")]


def argv(house: House, downstream: str = LEAF) -> list[str]:
    house.downstreams = downstream
    settings = load(house.environ)
    return Connections(house.places).holders.argv(settings, settings.downstreams[0], Path("/run/7"))


def options(argv: list[str]) -> list[str]:
    return [word for flag, word in itertools.pairwise(argv) if flag == "-o"]


def test_the_ssh_that_holds_a_connection(house: House) -> None:
    line = argv(house)
    assert line[-1] == "leaf"
    assert {"-N", "-n", "-T"} <= set(line)
    assert {
        "Port=2222", "User=mirror", "BatchMode=yes", "StrictHostKeyChecking=yes", "IdentitiesOnly=yes",
        "ControlMaster=yes", "ControlPath=/run/7", "ControlPersist=no",
        "SendEnv=MIRROR_ANSWER",
    } <= set(options(line))  # fmt: skip
    assert options(line).index("LogLevel=VERBOSE") < options(line).index("LogLevel=ERROR")


def test_the_operators_own_options_stand_first(house: House) -> None:
    words = options(argv(house, f"{LEAF}?options=-o%20ServerAliveInterval%3D7"))
    assert words.index("ServerAliveInterval=7") < words.index("ServerAliveInterval=5")
    assert words.index("ServerAliveInterval=5") < words.index("ServerAliveInterval=45")


def test_every_trigger_of_a_way_is_a_session_of_one_connection(house: House) -> None:
    async def scene(connections: Connections) -> None:
        outcomes = await asyncio.gather(*(tell(house, connections, f" sync:{number}") for number in range(3)))
        outcomes.append(await tell(house, connections, " sync:4", "other=ssh://mirror@leaf:2222?push=all"))
        assert [outcome.code for outcome in outcomes] == [0] * 4
        assert len(holders(house)) == 1
        assert sorted(word for word in house.told if "sync" in word)[0] == "leaf sync:0"
        assert house.places.connections.stat().st_mode & 0o777 == 0o700

    played(house, scene)


def test_every_other_way_is_another_connection(house: House, tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("a key")
    ways = (
        LEAF, LEAF.replace("leaf:", "leaf2:"), LEAF.replace("2222", "22"), LEAF.replace("mirror@", "archvsync@"),
        f"{LEAF}?key={key}", f"{LEAF}?options=-4", f"{LEAF}?options=-oUser%3Dother",
    )  # fmt: skip

    async def scene(connections: Connections) -> None:
        for way in (*ways, *ways):
            assert (await tell(house, connections, downstream=way)).ok
        assert len(holders(house)) == len(ways)

    played(house, scene)


def test_what_a_command_says_and_how_it_ends(house: House) -> None:
    house.answer("leaf", "echo out; echo err >&2; exit 4")

    async def scene(connections: Connections) -> None:
        outcome = await tell(house, connections)
        assert (outcome.code, outcome.last_words) == (4, "err")

    played(house, scene)


def test_after_a_while_it_is_another_connection(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scene(connections: Connections) -> None:
        await tell(house, connections)
        monkeypatch.setattr(module, "LONGEST_LIFE", 0)
        await tell(house, connections)
        assert len(holders(house)) == 2

    played(house, scene)


def test_a_connection_that_is_not_used_ends(house: House) -> None:
    house.extra["MIRROR_PUSH_KEEP"] = "1"

    async def scene(connections: Connections) -> None:
        await tell(house, connections)
        await until(lambda: "ended leaf" in house.told)
        await tell(house, connections)
        assert len(holders(house)) == 2

    played(house, scene)


@pytest.mark.parametrize("option", ["-v", "-vvv", "-4v", "-q", "-oControlMaster%3Dno", "-o%20LogLevel%3DDEBUG"])
def test_options_that_keep_nothing(house: House, option: str) -> None:
    async def scene(connections: Connections) -> None:
        assert (await tell(house, connections, downstream=f"{LEAF}?options={option}")).ok
        assert holders(house) == []

    played(house, scene)


def test_nothing_is_kept_when_nobody_wants_it_or_there_is_no_place(house: House) -> None:
    house.extra["MIRROR_PUSH_KEEP"] = "0"
    assert not Connections(house.places).holders.keeps(load(house.environ), load(house.environ).downstreams[0])
    house.extra["MIRROR_PUSH_KEEP"] = "900"
    settings = load(house.environ)
    assert Connections(house.places).holders.keeps(settings, settings.downstreams[0])
    for root in (house.root / "nowhere", Path("/tmp") / ("long" * 30)):
        nowhere = Connections(Places(root, house.places.state, house.places.data))
        assert not nowhere.holders.keeps(settings, settings.downstreams[0])


def test_a_dead_connection_is_replaced_at_once(house: House) -> None:
    async def scene(connections: Connections) -> None:
        await tell(house, connections)
        (house.root / "die").touch()
        outcome = await tell(house, connections)
        assert (outcome.code, len(holders(house))) == (0, 2)

    played(house, scene)


def test_who_wants_a_new_connection_gets_one_and_is_told_by_that(house: House) -> None:
    async def scene(connections: Connections) -> None:
        await tell(house, connections)
        house.answer("leaf", f"[ -e {house.root}/once ] || {{ >{house.root}/once; echo '{AGAIN}' >&2; exit 75; }}")
        outcome = await tell(house, connections)
        assert (outcome.code, len(holders(house))) == (0, 2)
        house.answer("leaf", f"echo '{AGAIN}' >&2; exit 75")
        outcome = await tell(house, connections)
        assert (outcome.code, len(holders(house))) == (75, 3)

    played(house, scene)


def test_a_connection_that_dies_under_a_command_has_reached_nobody(house: House) -> None:
    house.answer("leaf", f"touch {house.root}/die; sleep 60")

    async def scene(connections: Connections) -> None:
        outcome = await tell(house, connections)
        assert outcome.code == 255
        settings = load(house.environ)
        assert connections.is_silent(settings.downstreams[0])

    played(house, scene)


def test_who_allows_no_more_sessions_is_reached_by_a_connection_of_its_own(house: House) -> None:
    (house.root / "full").touch()

    async def scene(connections: Connections) -> None:
        assert (await tell(house, connections)).ok
        assert house.told[-1] == "leafsync:all"

    played(house, scene)


def test_who_cannot_be_reached(house: House) -> None:
    (house.root / "refuse").write_text("ssh: connect to host leaf port 2222: Connection refused")

    async def scene(connections: Connections) -> None:
        outcome = await tell(house, connections)
        assert (outcome.code, outcome.last_words) == (255, "ssh: connect to host leaf port 2222: Connection refused")
        one = load(house.environ).downstreams[0]
        assert connections.is_silent(one)
        (house.root / "refuse").unlink()
        await tell(house, connections)
        assert not connections.is_silent(one)

    played(house, scene)


def test_who_fell_silent_between_two_pushes_is_known_to_be(house: House) -> None:
    async def scene(connections: Connections) -> None:
        await tell(house, connections)
        one = load(house.environ).downstreams[0]
        (house.root / "timeout").touch()
        await until(lambda: connections.is_silent(one))

    played(house, scene)


def test_a_trigger_without_an_end_is_ended(house: House) -> None:
    house.extra["MIRROR_PUSH_DEADLINE"] = "1"
    house.answer("leaf", "sleep 60")

    async def scene(connections: Connections) -> None:
        started = time.monotonic()
        assert (await tell(house, connections)).code == 124
        assert time.monotonic() - started < 50, "it has waited for the command"

    played(house, scene)


def test_a_reload_begins_anew_and_lets_the_old_ones_end(house: House) -> None:
    house.answer("leaf", f"while [ ! -e {house.root}/go ]; do sleep 0.02; done")

    async def scene(connections: Connections) -> None:
        slow = asyncio.create_task(tell(house, connections, "sync:slow"))
        await until(lambda: "leafsync:slow" in house.told)
        connections.renew()
        (house.root / "go").touch()
        assert (await slow).ok
        await until(lambda: "ended leaf" in house.told)
        await tell(house, connections)
        assert len(holders(house)) == 2

    played(house, scene)
