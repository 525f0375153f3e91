"""A trigger is delivered when the downstream was seen to publish what it was told of; until then it is owed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Final

import pytest

from tests.stock import FILES, Ours, Stock, World, variables

pytestmark = pytest.mark.integration

HUB: Final = "hub-ours"
LEAF: Final = "leaf-ours"
STOCK: Final = "leaf-stock"
FAR: Final = "far-ours"
"""Another source, which is behind the hub."""

GATE: Final = "/tmp/gate"
WAITS: Final = f"#!/bin/sh\nwhile [ -e {GATE} ]; do sleep 0.1; done\n".encode()
"""As hook1 of the leaf: no run gets further while the file is there."""

LOSE: Final = """
import sqlite3, sys, time
db = sqlite3.connect("/var/lib/mirror/store.sqlite3", timeout=20)
db.execute("update delivery set state = 'lost', next = ? where downstream = ? and state = 'failing'",
    (time.time() + 3600, sys.argv[1]))
db.commit()
"""
"""As if somebody had been tried for twenty minutes in vain."""


@dataclass(frozen=True, slots=True)
class Family:
    hub: Ours
    leaf: Ours
    stock: Stock
    far: Ours

    def told(self, name: str, archive: str) -> dict[str, Any]:
        return dict(self.hub.status().get("downstreams", {}).get(name, {}).get(archive, {}))

    def wait_confirmed(self, name: str, archive: str, serial: str, deadline: float = 180) -> dict[str, Any]:
        """What the hub knows, once it has seen that the downstream publishes the serial."""

        def look(_: object) -> dict[str, Any]:
            told = self.told(name, archive)
            known = (told.get("state"), told.get("carries"), told.get("confirmed"))
            return told if known == ("delivered", serial, True) else {}

        return self.hub.wait_for(look, deadline, f"{name} is seen to carry serial {serial} of {archive}")

    def publish(self, archive: str, node: Ours | None = None) -> str:
        (node or self.hub).put(f"/srv/mirror/{archive}", {"news": str(self.hub.serial(archive)).encode()})
        return (node or self.hub).announce(archive)


@pytest.fixture(scope="module")
def family(world: World) -> Iterator[Family]:
    """A hub where the archives begin, above one of ours and one of stock; our leaf fetches one of them elsewhere."""
    downstreams = [
        Ours.downstream(LEAF, "all", "good", "behind", name="leaf"),
        *(
            f"{Stock.downstream(STOCK, 'all', archive, name=archive)}&site={site}"
            for archive, site in (("http", f"http://{STOCK}:8000/*"), ("rsync", f"rsync://{STOCK}/*"))
        ),
    ]
    above = {
        "MIRROR_DOWNSTREAMS": " ".join(downstreams),
        "MIRROR_TRIGGERS__LEAF__KEY_FILE": f"{FILES}/second.pub",
        "MIRROR_TRIGGERS__LEAF__ARCHIVES": "calls",
    }
    for archive in ("good", "behind", "http", "rsync", "calls"):
        above |= variables(archive, upstream="none", profile="generic")
    below = {"MIRROR_HOOKS": FILES}
    for archive, source in (("good", HUB), ("behind", FAR)):
        below |= variables(archive, upstream=Ours.upstream(source, archive), profile="generic", poll="off")
    with ExitStack() as stack:
        stock = stack.enter_context(world.stock(STOCK))
        for archive in ("http", "rsync"):
            stock.ftpsync(archive, Ours, HUB)
            stock.module(archive)
        stock.www()
        far = stack.enter_context(world.ours(FAR, variables("behind", upstream="none", profile="generic")))
        far.put("/srv/mirror", {"behind/pool/a": b"payload"})
        far.announce("behind")
        keys = {"second": world.keys["second"]}
        leaf = stack.enter_context(world.ours(LEAF, below, {"hook1": WAITS, **keys}))
        hub = stack.enter_context(world.ours(HUB, above, {"second.pub": world.keys["second.pub"]}))
        for archive in ("good", "behind", "http", "rsync", "calls"):
            hub.put("/srv/mirror", {f"{archive}/pool/a": b"payload"})
        made = Family(hub, leaf, stock, far)
        # Level, and with nothing of their own to do: the leaf's first sync has failed, there was no hub yet.
        made.wait_confirmed("leaf", "good", made.publish("good"))
        leaf.wait_begun("good", "behind")
        yield made


def test_what_our_leaf_says_is_what_it_publishes(family: Family) -> None:
    serial = family.publish("good")
    assert family.wait_confirmed("leaf", "good", serial)["attempts"] == 1
    assert family.leaf.serial("good") == serial


@pytest.mark.parametrize("archive", ["http", "rsync"])
def test_of_stock_it_is_seen_where_its_users_find_it(family: Family, archive: str) -> None:
    serial = family.publish(archive)
    told = family.wait_confirmed(archive, archive, serial)
    assert (told["attempts"], told["error"]) == (1, None)
    assert family.stock.trace(archive, "master")["Archive serial"] == serial


def test_who_is_behind_is_told_again_until_it_is_not(family: Family) -> None:
    """Its runs are good, and its own upstream has nothing newer."""
    old = family.publish("behind")
    family.wait_confirmed("leaf", "behind", old)
    serial = family.publish("behind")
    told = family.hub.wait_for(lambda _: _told_again(family), 60, "tells it again")
    assert told["error"] == f"it was told, and still publishes serial {old}"
    assert (told["state"] == "delivered", told["carries"], told["confirmed"]) == (False, old, False)
    assert family.leaf.archive("behind")["error"] is None
    assert family.publish("behind", family.far) == serial
    family.wait_confirmed("leaf", "behind", serial)


def _told_again(family: Family) -> dict[str, Any]:
    told = family.told("leaf", "behind")
    return told if told["attempts"] >= 2 and told["error"] else {}


def test_a_hub_that_dies_before_the_answer_goes_on_until_it_has_seen(family: Family) -> None:
    family.leaf.run("touch", GATE)
    serial = family.publish("good")
    family.leaf.wait_for(lambda node: node.archive("good").get("state") == "running", 60, "has been told")
    assert family.told("leaf", "good")["state"] == "pushing"
    family.hub.kill()
    assert not family.hub.running
    family.leaf.run("rm", GATE)
    family.hub.start()
    family.hub.wait_healthy()
    family.wait_confirmed("leaf", "good", serial)
    assert family.leaf.serial("good") == serial


@pytest.mark.parametrize("sign", ["its own trigger", "mirrorctl push"])
def test_who_is_lost_and_comes_back_is_told_at_the_first_sign(family: Family, sign: str) -> None:
    family.leaf.kill()
    serial = family.publish("good")
    family.hub.wait_for(lambda _: family.told("leaf", "good")["state"] == "failing", 60, "cannot be told")
    before = _backs(family)
    family.hub.wait_for(lambda _: _is_lost(family), 60, "has lost it")
    family.leaf.start()
    family.leaf.wait_healthy()
    assert family.told("leaf", "good")["state"] == "lost"
    assert family.leaf.serial("good") != serial
    if sign == "mirrorctl push":
        family.hub.run("mirrorctl", "push", "good", "leaf")
    else:
        family.leaf.run("ssh", "-n", *OPTIONS, f"mirror@{HUB}", " sync:archive:calls sync:all")
    family.wait_confirmed("leaf", "good", serial)
    family.hub.wait_for(lambda _: _backs(family) > before, 60, "says so")


def _backs(family: Family) -> int:
    """How often the hub has said that somebody is back; what it says takes its time to get into the engine's log."""
    return family.hub.logs(LINES).count("downstream is back")


def _is_lost(family: Family) -> bool:
    """When no attempt is under way, whose end would be written over it."""
    family.hub.run("python3", "-c", LOSE, "leaf")
    return bool(family.told("leaf", "good")["state"] == "lost")


LINES: Final = 100_000
"""Of a log: all of it."""

OPTIONS: Final = (
    "-F", "none", "-p", "2222", "-i", f"{FILES}/second", "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes",
    "-o", "StrictHostKeyChecking=yes", "-o", "UserKnownHostsFile=/run/mirror/known_hosts",
)  # fmt: skip
