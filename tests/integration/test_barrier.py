"""Staged pushes: nobody publishes before everybody has the payload, unless somebody takes too long."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.harness import MIRRORS, Node, Topology

pytestmark = pytest.mark.integration

SIZE = 1_000_000


def has_payload(node: Node, name: str) -> bool:
    """Whether all three payload files of that name are there, whole."""
    sizes = node.exec("sh", "-c", f"cd /srv/mirror/debian/pool/extra && stat -c %s {name}-1 {name}-2 {name}-3")
    return sizes.out.split() == [str(SIZE)] * 3


@pytest.fixture(scope="module")
def impatient_hub(topology: Topology) -> Iterator[None]:
    """hub waits two seconds for stage 1."""
    with topology.settings(HUB_PUSH_TIMEOUT="2s"):
        yield


def test_nobody_publishes_before_the_slow_leaf_has_the_payload(topology: Topology) -> None:
    hub, leaf1, leaf2 = (topology.node(name) for name in MIRRORS[1:])
    before = hub.serial()
    topology.release("payload", "3", str(SIZE), "barrier")
    with leaf1.holding(1):
        serial = topology.publish()
        leaf2.wait_for(lambda node: has_payload(node, "barrier"), 60, "has the payload")
        assert not has_payload(leaf1, "barrier")
        assert (hub.serial(), leaf2.serial()) == (before, before)

    topology.wait_serial(serial, "leaf2")
    assert has_payload(leaf1, "barrier")
    topology.wait_serial(serial, *MIRRORS)


@pytest.mark.usefixtures("impatient_hub")
def test_after_the_push_timeout_the_others_go_on(topology: Topology) -> None:
    leaf1 = topology.node("leaf1")
    topology.release("payload", "3", str(SIZE), "timeout")
    with leaf1.holding(1):
        serial = topology.publish()
        topology.wait_serial(serial, "leaf2")
        assert not has_payload(leaf1, "timeout"), "nothing was passed over"

    topology.wait_serial(serial, "leaf1")
    assert has_payload(leaf1, "timeout")


@pytest.mark.usefixtures("impatient_hub")
def test_a_frozen_leaf_holds_the_others_no_longer_than_the_push_timeout(topology: Topology) -> None:
    """By default that would be ten minutes."""
    with topology.node("leaf1").paused():
        topology.release("update")
        serial = topology.publish()
        topology.wait_serial(serial, "leaf2")
    topology.wait_serial(serial, "leaf1")
