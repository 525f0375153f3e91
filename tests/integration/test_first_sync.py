"""Content that reaches the leaves: the first of it, and what changes later."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.harness import MIRRORS, Node, Topology

pytestmark = pytest.mark.integration

SUMS = "cd /srv/mirror/debian && find . -type f ! -path './project/trace/*' -print0 | sort -z | xargs -0 sha256sum"


def content(node: Node) -> str:
    """Every file of the archive with its hash; traces aside, which tell the mirrors apart."""
    return node.run("sh", "-c", SUMS)


def test_leaves_hold_the_origins_bytes(topology: Topology) -> None:
    wanted = content(topology.node("origin"))
    assert wanted.count("\n") > 40
    for name in ("hub", "leaf1", "leaf2"):
        assert content(topology.node(name)) == wanted


def test_signatures_were_checked(topology: Topology) -> None:
    for name in ("hub", "leaf1", "leaf2"):
        assert topology.node(name).archive()["signed"] is True


def test_every_mirror_leaves_its_trace(topology: Topology) -> None:
    # The hub's own comes behind the serial: a leaf that fetched in between has it from its next run.
    topology.node("leaf2").wait_for(lambda node: {"origin", "hub", "leaf2"} <= _traces(node), 60, "all three are here")


def _traces(node: Node) -> set[str]:
    return set(node.run("ls", "/srv/mirror/debian/project/trace").split())


def test_a_change_arrives_by_triggers_alone(topology: Topology) -> None:
    version = topology.release("update")
    serial = topology.publish()
    topology.wait_serial(serial, *MIRRORS)
    for name in ("hub", "leaf1", "leaf2"):
        node = topology.node(name)
        assert version in node.run("sh", "-c", "zcat /srv/mirror/debian/dists/demo/main/binary-*/Packages.gz").split()
        brought = node.wait_for(lambda node: _runs(node, serial), 60, f"the run that brought {serial} is over")
        assert brought[-1]["trigger"] == "ssh", "by itself it would come never"


def _runs(node: Node, serial: str) -> list[dict[str, Any]]:
    """Those that ended with this serial, the newest first."""
    runs = json.loads(node.run("mirrorctl", "runs", "debian", "--json"))
    return [run for run in runs if run["ended_at"] and run["serial"] == serial]
