"""A full state volume: what cannot be kept is not accepted, and what was accepted is done."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

import pytest

from appliance import status
from appliance.controller import Controller, new_request
from appliance.doors import inbox
from appliance.store import Store, carried, check
from tests.unit import filesystems
from tests.unit.house import House, ask, played, shown
from tests.unit.upstream import DebianTree


def test_a_full_state_volume(build: Callable[..., House], origin: DebianTree) -> None:
    house = build(state="size=1m")

    async def scene(controller: Controller) -> None:
        assert (await ask(controller)).code == 0
        file = filesystems.fill(house.places.state)
        with pytest.raises(sqlite3.Error):
            controller.accept([new_request("debian", "all", "http", "hub") for _ in range(500)])
        with pytest.raises(OSError, match="No space left"):
            inbox.leave(str(house.places.state), "debian", "all", "ssh", "hub", False, False)
        assert house.store.open_requests("debian") == [], "what was not accepted is not known"
        assert status.picture(controller)["volumes"]["state"]["free_bytes"] == 0
        origin.release("2026112102", hello="two")
        file.unlink()
        assert (await ask(controller)).code == 0
        assert house.holds(origin)

    played(house, scene)


@pytest.mark.parametrize("killed", [False, True])
def test_a_start_on_a_full_state_volume(build: Callable[..., House], origin: DebianTree, killed: bool) -> None:
    house = build(state="size=1m")

    async def before(controller: Controller) -> None:
        assert (await ask(controller)).code == 0
        house.store.begin("debian", "sync", "ssh", [], 1)  # a run that nobody ended
        inbox.leave(str(house.places.state), "debian", "all", "ssh", "hub", False, False)

    async def scene(controller: Controller) -> None:
        assert shown(controller)["serial"] == "2026112101"
        origin.release("2026112102", hello="two")
        file.unlink()
        assert (await ask(controller)).code == 0
        assert house.holds(origin)

    played(house, before)
    if killed:
        last_life = Store(house.places.store)  # what it had open stays behind
    house.store.close()
    file = filesystems.fill(house.places.state)
    check(house.places.store)
    assert carried(house.places.store) == {"debian"}
    house.store = Store(house.places.store)
    if killed:
        last_life.close()
    played(house, scene)
