"""The README's quick start, followed to the letter: each block is pasted, brought up, and does what it is there for.

So is what it says of backups, on the same machines.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import httpx
import pytest

from tests.harness import Node
from tests.harness.host import Hosts
from tests.readme import pasted
from tests.stock import Ours, Sample

pytestmark = pytest.mark.integration

ORIGIN, HUB, LEAF, PULL = (f"{name}.example.org" for name in ("origin", "hub", "leaf", "mirror"))
SAMPLE = "README", b"A small archive.\n"
OPEN = """
import sqlite3
store = sqlite3.connect("/var/lib/mirror/store.sqlite3")
print(*(id for id, in store.execute("select id from request where code is null")))
"""
SUMS = "cd /srv/mirror/debian && find . -path ./project/trace -prune -o -type f -exec sha256sum {} +"


@pytest.fixture(scope="module")
def hosts(swept: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hosts]:
    """The four situations side by side; the leaf's operator has got the token that the hub's has made."""
    with Hosts((ORIGIN, HUB, LEAF, PULL), tmp_path_factory.mktemp("hosts")) as running:
        origin = running.up(ORIGIN, pasted("quick-origin"), {})
        _publish(origin, 1)
        hub = running.up(HUB, pasted("quick-hub"), {})
        token = hub.run("mirrorctl", "invite", LEAF, "--archive", "debian").strip()
        running.up(LEAF, pasted("quick-leaf"), {"the-token": token})
        # The same, but that nobody has to wait for two hours.
        running.up(PULL, pasted("quick-pull"), {"SCHEDULE: 2h": "SCHEDULE: 2s"})
        yield running


def _carries(node: Node, serial: str) -> None:
    node.wait_for(lambda node: node.serial() == serial, 60, f"carries {serial}")


def _triggers(node: Node) -> set[str]:
    """Who ever asked for a run."""
    return {run["trigger"] for run in json.loads(node.run("mirrorctl", "runs", "debian", "--json"))}


def test_what_the_origin_publishes_comes_to_all_others(hosts: Hosts) -> None:
    """To the leaf because it is pushed, and to the one that pulls because its schedule says so."""
    everybody = [hosts.node(name) for name in (ORIGIN, HUB, LEAF, PULL)]
    origin, hub, leaf, pull = everybody
    for node in everybody:
        _carries(node, str(origin.serial()))
    _publish(origin, 2)
    hub.run("mirrorctl", "sync", "debian", "--wait")
    for node in everybody:
        _carries(node, str(origin.serial()))
    assert "ssh" in _triggers(leaf)
    assert _triggers(pull) == {"schedule"}


@pytest.mark.parametrize("name", [ORIGIN, HUB, LEAF, PULL])
def test_each_serves_it_at_the_ports_it_publishes(hosts: Hosts, name: str) -> None:
    path, content = SAMPLE
    _carries(hosts.node(name), str(hosts.node(ORIGIN).serial()))
    assert httpx.get(f"http://{hosts.address(name)}/debian/{path}", timeout=60).content == content


def test_nobody_has_to_be_root_or_to_become_it(hosts: Hosts) -> None:
    """Without the options of a careful operator there is still no way up."""
    leaf = hosts.node(LEAF)
    assert leaf.users() == {"10001"}
    assert leaf.run("find", "/usr", "-xdev", "-perm", "/6000", "-type", "f", user="root") == ""


def test_a_hub_is_restored_and_goes_on(hosts: Hosts) -> None:
    """With its keys, its members, and what it had accepted; nobody below it misses what its old journal told."""
    origin, hub, leaf = (hosts.node(name) for name in (ORIGIN, HUB, LEAF))
    _carries(leaf, str(origin.serial()))
    leaf.stop()
    _publish(origin, 3)
    hub.run("mirrorctl", "pause", "debian")
    hub.run("mirrorctl", "sync", "debian")
    hub.wait_for(_open, 30, "has accepted a request")
    accepted, epoch = _open(hub), _epoch(hub)
    keys = hub.run("mirrorctl", "keys")
    hosts.type(HUB, pasted("backup"), {})
    # What comes now is lost with the state, and stays in the tree; the leaf has not heard of it.
    hub.run("mirrorctl", "resume", "debian")
    _carries(hub, str(origin.serial()))
    hub = hosts.type(HUB, pasted("restore"), {"mirror_state": hosts.volume(HUB)})
    assert hub.run("mirrorctl", "keys") == keys
    assert accepted <= _open(hub)
    assert json.loads(hub.run("mirrorctl", "members", "--json"))[LEAF]["state"] == "joined"
    hub.run("mirrorctl", "resume", "debian")
    hub.wait_for(lambda node: not _open(node), 60, "has served all requests")
    assert _epoch(hub) not in ("", epoch)
    assert hub.serial() == origin.serial()
    _publish(origin, 4)
    hub.run("mirrorctl", "sync", "debian", "--wait")
    leaf.start()
    _carries(leaf, str(origin.serial()))
    assert _files(origin) <= _files(leaf)


def _publish(origin: Node, version: int) -> None:
    Ours(ORIGIN, origin.container).write("debian", Sample(version))
    origin.run("mirrorctl", "publish", "debian", "--wait")


def _files(node: Node) -> set[str]:
    """Every file of the archive with its checksum; traces are for each mirror to write."""
    return set(node.run("sh", "-c", SUMS).splitlines())


def _open(hub: Node) -> set[str]:
    """The requests that are on disk and not answered."""
    return set(hub.run("python3", "-c", OPEN).split())


def _epoch(hub: Node) -> str:
    """Of the journal, by which those below know that it is the one they follow; empty when there is none."""
    head = hub.exec("cat", "/var/lib/mirror/journal/debian/HEAD").out.splitlines()
    return next((line for line in head if line.startswith("epoch: ")), "")
