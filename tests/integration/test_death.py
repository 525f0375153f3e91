"""What dies, and what goes on: a leaf, a container in the middle of a sync, a core process."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.harness import Lone, Node, Topology

pytestmark = pytest.mark.integration


def test_a_dead_leaf_delays_nobody_and_catches_up(topology: Topology) -> None:
    hub, leaf1 = topology.node("hub"), topology.node("leaf1")
    leaf1.kill()
    topology.release("update")
    serial = topology.publish()
    topology.wait_serial(serial, "leaf2")
    hub.wait_for(lambda _: "not reachable" in _failing(hub, "leaf1", serial), 60, "knows of the death")

    leaf1.start()
    topology.wait_serial(serial, "leaf1")
    hub.wait_for(lambda _: _seen(hub, "leaf1") == ("delivered", serial, True), 60, "has seen that leaf1 knows")


def _told(hub: Node, leaf: str) -> dict[str, Any]:
    return dict(hub.status()["downstreams"][leaf]["debian"])


def _failing(hub: Node, leaf: str, serial: str) -> str:
    """Why it could not be told of the serial; while it is being told, the words are still of an earlier push."""
    told = _told(hub, leaf)
    return str(told["error"] or "") if (told["state"], told["serial"]) == ("failing", serial) else ""


def _seen(hub: Node, leaf: str) -> tuple[str, str, bool]:
    told = _told(hub, leaf)
    return told["state"], told["carries"], told["confirmed"]


def test_a_leaf_without_network_catches_up(topology: Topology) -> None:
    with topology.node("leaf1").disconnected():
        topology.release("update")
        serial = topology.publish()
        # The kept connection to the other leaf is found dead within 20 s; until then it holds the barrier.
        topology.wait_serial(serial, "leaf2")
    topology.wait_serial(serial, "leaf1")


def test_a_container_killed_in_the_middle_of_a_sync_finishes_it_after_its_start(topology: Topology) -> None:
    slow = topology.node("slow")
    serial, _ = topology.in_the_middle("slow")
    slow.kill()
    assert not slow.running

    slow.start()
    topology.wait_serial(serial, "slow")


@pytest.mark.parametrize("process", ["sshd", "rsync --daemon", "nginx: master", "appliance controller"])
def test_a_dead_core_process_ends_the_container(lone: Callable[..., Lone], process: str) -> None:
    node = lone()
    node.wait_healthy()
    node.kill_process(process)
    assert node.exit_code() == 1
    assert "core process" in node.logs()


def test_the_restart_policy_brings_a_mirror_back(topology: Topology) -> None:
    leaf2 = topology.node("leaf2")
    restarts, serial = leaf2.restarts, leaf2.serial()
    leaf2.kill_process("nginx: master")
    leaf2.wait_for(lambda node: node.restarts == restarts + 1, 60, "is started again")
    leaf2.wait_healthy()
    assert leaf2.serial() == serial
