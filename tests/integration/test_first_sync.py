"""Content that reaches the leaves: the first of it, and what changes later."""

from __future__ import annotations

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
    traces = set(topology.node("leaf2").run("ls", "/srv/mirror/debian/project/trace").split())
    assert {"origin", "hub", "leaf2"} <= traces


def test_a_change_arrives_by_triggers_alone(topology: Topology) -> None:
    version = topology.release("update")
    topology.wait_serial(topology.publish(), *MIRRORS)
    origin = topology.node("origin").archive()
    for name in ("hub", "leaf1", "leaf2"):
        node = topology.node(name)
        assert version in node.run("sh", "-c", "zcat /srv/mirror/debian/dists/demo/main/binary-*/Packages.gz").split()
        assert node.archive()["published_at"] - origin["published_at"] < 60, "by itself it would come never"
