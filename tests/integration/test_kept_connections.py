"""One ssh connection per downstream, kept for the triggers that follow: both kinds of sshd, and what ends it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Final

import pytest

from tests.harness import Node
from tests.stock import FILES, Mirror, Ours, Stock, World, variables

pytestmark = pytest.mark.integration

ORIGIN: Final = "origin-ours"
LEAF: Final = "leaf-ours"
STOCK: Final = "leaf-stock"
MANY: Final = tuple(f"many{number}" for number in range(12))
"""Archives, more than a connection to a stock sshd may have sessions."""
HELD: Final = "/var/spool/record/held"
GATE: Final = f"[ ! -e {HELD} ] || echo >>{HELD}; while [ -e {HELD} ]; do sleep 0.1; done"
"""What the stock sshd runs: it ends at once, or when the file that notes its beginning is gone."""
HERE: Final = "/run/mirror/ssh"
IMPATIENT: Final = "?push=all&options=-oServerAliveInterval%3D1%20-oConnectTimeout%3D2&archives=frozen"


@dataclass(frozen=True, slots=True)
class Family:
    origin: Ours
    leaf: Ours
    stock: Stock

    def publish(self, *archives: str) -> None:
        """All at once, and what is new is told."""
        words = " ".join(f"mirrorctl publish {archive} &" for archive in archives)
        self.origin.run("sh", "-c", f"{words} wait")

    def told(self, name: str, archive: str) -> dict[str, Any]:
        """What the origin knows of a delivery; empty before there is any."""
        return dict(self.origin.status()["downstreams"].get(name, {}).get(archive, {}))

    def deliver(self, name: str, archive: str) -> int:
        """Publishes, and returns when this downstream knows of it: the number of attempts."""
        before = self.told(name, archive).get("serial")
        self.publish(archive)
        self.origin.wait_for(lambda _: self._knows(name, archive, before), 60, f"{name} knows of {archive}")
        return int(self.told(name, archive)["attempts"])

    def _knows(self, name: str, archive: str, before: str | None) -> bool:
        told = self.told(name, archive)
        return told.get("state") == "delivered" and told["serial"] != before


@pytest.fixture(scope="module")
def family(world: World) -> Iterator[Family]:
    """An origin above one of ours and a stock sshd."""
    settings: dict[str, str] = {}
    for archive in ("good", "frozen", *MANY):
        settings |= variables(archive, upstream="none", profile="generic")
    settings["MIRROR_DOWNSTREAMS"] = " ".join([
        f"{Ours.downstream(LEAF, 'staged', 'good')}",
        f"{Stock.downstream(STOCK, 'staged', 'good', name='stock')}",
        f"{Stock.downstream(STOCK, 'all', *MANY, name='many')}",
        f"frozen=ssh://{Stock.ssh_user}@{STOCK}{IMPATIENT}",
    ])  # fmt: skip
    below = variables("good", upstream=Ours.upstream(ORIGIN, "good"), profile="generic", poll="off")
    below["MIRROR_TRIGGERS__SECOND__KEY_FILE"] = f"{FILES}/second.pub"
    with ExitStack() as stack:
        stock = stack.enter_context(world.stock(STOCK))
        stock.let_in("push", command=GATE)
        leaf = stack.enter_context(world.ours(LEAF, below, {"second.pub": world.keys["second.pub"]}))
        origin = stack.enter_context(world.ours(ORIGIN, settings))
        for archive in ("good", "frozen", *MANY):
            origin.put("/srv/mirror", {f"{archive}/pool/a": b"payload"})
        family = Family(origin, leaf, stock)
        family.deliver("stock", "good")
        family.deliver("leaf-ours", "good")
        for node in (stock, leaf):
            wait_accepted(node, 1)
        yield family


def accepted(node: Node) -> int:
    """How many ssh connections have been let in, as far as that has come to the log."""
    return node.logs(5000).count("Accepted publickey for ")


def wait_accepted(node: Node, least: int) -> None:
    """Returns when so many are in the log: who came over a connection may have been served before that."""
    node.wait_for(lambda node: accepted(node) >= least, 60, f"has let in {least} connections")


def kept(family: Family) -> int:
    return len(family.origin.exec("ls", HERE).out.split())


def sever(node: Mirror) -> None:
    """Ends every ssh connection from its far end."""
    each = "for one in /proc/[0-9]*; do grep -qs ^sshd-session $one/cmdline && kill ${one#/proc/}; done; :"
    node.run("sh", "-c", each)
    left = "for one in /proc/[0-9]*; do grep -qs ^sshd-session $one/cmdline && exit 1; done; :"
    node.wait_for(lambda node: node.exec("sh", "-c", left).code == 0, 60, "has no ssh connections")


@pytest.mark.parametrize("name", [LEAF, "stock"])
def test_both_stages_and_later_pushes_share_one_connection(family: Family, name: str) -> None:
    node: Mirror = family.leaf if name == LEAF else family.stock
    before = accepted(node)
    assert kept(family) >= 2
    for _ in range(2):
        assert family.deliver(name, "good") == 1
    assert accepted(node) == before


@pytest.mark.parametrize("name", [LEAF, "stock"])
def test_a_connection_that_broke_off_is_replaced(family: Family, name: str) -> None:
    node: Mirror = family.leaf if name == LEAF else family.stock
    before = accepted(node)
    family.origin.wait_for(lambda _: family.told(name, "good")["state"] == "delivered", 60, "is told of the last one")
    sever(node)
    assert family.deliver(name, "good") == 1
    wait_accepted(node, before + 1)
    assert accepted(node) == before + 1


def test_a_host_key_that_has_changed_is_noticed(family: Family, world: World) -> None:
    """By the next connection, as ever."""
    pinned, before = "/run/mirror/known_hosts", accepted(family.stock)
    other = " ".join(world.keys.public("stranger").split()[:2])
    family.origin.run("sh", "-c", f"cp {pinned} {pinned}.old; sed -i 's|ssh-ed25519 .*|{other}|' {pinned}")
    try:
        sever(family.stock)
        family.publish("good")
        family.origin.wait_for(lambda _: "key has changed" in (family.told("stock", "good").get("error") or ""), 60, "")
    finally:
        family.origin.run("mv", f"{pinned}.old", pinned)
    family.origin.wait_for(lambda _: family.told("stock", "good")["state"] == "delivered", 60, "is told again")
    wait_accepted(family.stock, before + 1)


def test_more_sessions_than_a_connection_may_have(family: Family) -> None:
    """The surplus has connections of its own."""
    before = accepted(family.stock)
    family.stock.run("install", "-m", "666", "/dev/null", HELD)
    try:
        family.publish(*MANY)
        family.stock.wait_for(lambda node: len(node.run("cat", HELD)) == len(MANY), 60, "all are there at once")
    finally:
        family.stock.run("rm", HELD)
    family.origin.wait_for(lambda _: all(family.told("many", one)["state"] == "delivered" for one in MANY), 60, "known")
    assert {family.told("many", one)["attempts"] for one in MANY} == {1}
    wait_accepted(family.stock, before + 2)
    assert accepted(family.stock) < before + len(MANY)


def test_a_peer_that_died_holds_nothing_up(family: Family) -> None:
    # At whichever attempt: its patience is short, and the machine may be busy.
    family.deliver("frozen", "frozen")
    with family.stock.paused():
        family.publish("frozen")
        told = "never says a word"
        family.origin.wait_for(lambda _: told in _trouble(family), 60, "the new connection was tried")
    family.origin.wait_for(lambda _: family.told("frozen", "frozen")["state"] == "delivered", 60, "is told again")


def _trouble(family: Family) -> str:
    return str(family.told("frozen", "frozen").get("error") or "")


def test_a_reload_opens_new_ones_and_leaves_no_old_ones(family: Family) -> None:
    family.deliver(LEAF, "good")
    before = accepted(family.leaf), family.origin.exec("ls", HERE).out.split()
    family.origin.run("mirrorctl", "reload")
    family.origin.wait_for(lambda node: not set(before[1]) & set(node.exec("ls", HERE).out.split()), 60, "have ended")
    assert family.deliver(LEAF, "good") == 1
    wait_accepted(family.leaf, before[0] + 1)
    assert accepted(family.leaf) == before[0] + 1


def test_a_key_that_was_taken_away_triggers_no_more_by_a_kept_connection(family: Family, world: World) -> None:
    """Of a pusher that keeps its connection, too: sshd itself asks for the key only at the beginning."""
    words = ("-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=no", "-p", "2222", "-i", "/home/archvsync/.ssh/second")
    keep = ("-o", "ControlMaster=auto", "-o", "ControlPath=/tmp/kept", "-o", "ControlPersist=60")
    trigger = ("ssh", *words, *keep, f"mirror@{LEAF}", "sync:all")
    before = accepted(family.leaf)
    assert family.stock.as_account(*trigger).code == 0
    wait_accepted(family.leaf, before + 1)
    assert family.stock.as_account(*trigger).code == 0
    assert accepted(family.leaf) == before + 1

    runs = family.leaf.archive("good")["runs"]
    family.leaf.put(FILES, {"second.pub": world.keys["stranger.pub"]})
    family.leaf.run("mirrorctl", "reload")
    answer = family.stock.as_account(*trigger)
    assert (answer.code, "connect again" in answer.err) == (75, True), answer
    refused = "Permission denied"
    family.stock.wait_for(lambda _: refused in family.stock.as_account(*trigger).err, 60, "the connection has ended")
    assert family.leaf.archive("good")["runs"] == runs
