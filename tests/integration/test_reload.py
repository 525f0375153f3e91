"""Mounted files that change: keys and secrets are taken over, running transfers go on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.harness import Node, Topology, wait_for

pytestmark = pytest.mark.integration


TRIES = 10


def by_verb(node: Node) -> None:
    """What an operator does inside."""
    node.run("mirrorctl", "reload")


def by_signal(node: Node) -> None:
    """What an orchestrator does outside."""
    node.kill("SIGHUP")


@contextmanager
def borrowed(topology: Topology, name: str) -> Iterator[Path]:
    """A mounted file of a node, put back and reloaded afterwards."""
    path = topology.project.keys / name
    before = path.read_text()
    try:
        yield path
    finally:
        path.write_text(before)
        by_verb(topology.node(path.parent.name))


@pytest.fixture
def foreign_key(topology: Topology) -> Iterator[Path]:
    """The key of `foreign` on leaf2."""
    with borrowed(topology, "leaf2/foreign.pub") as path:
        yield path


@pytest.fixture
def hub_secrets(topology: Topology) -> Iterator[Path]:
    """The passwords that hub's rsyncd asks for."""
    with borrowed(topology, "hub/rsync_secrets") as path:
        yield path


@pytest.mark.parametrize("reload", [by_verb, by_signal])
def test_a_new_key_in_a_mounted_file_is_let_in(
    topology: Topology, foreign_key: Path, reload: Callable[[Node], None]
) -> None:
    assert topology.ssh("leaf2", "true", key="stranger").code == 255
    foreign_key.write_text((topology.project.keys / "client/stranger.pub").read_text())
    reload(topology.node("leaf2"))
    wait_for(lambda: topology.ssh("leaf2", "true", key="stranger").code == 0, 120, "the new key is let in")
    assert topology.ssh("leaf2", "true", key="foreign").code == 255


def test_a_bad_file_changes_nothing(topology: Topology, foreign_key: Path) -> None:
    leaf2 = topology.node("leaf2")
    before = leaf2.run("cat", "/run/mirror/authorized_keys")
    foreign_key.write_text("not a key\n")
    answer = leaf2.exec("mirrorctl", "reload")
    assert answer.code == 78
    assert "MIRROR_TRIGGERS__FOREIGN__KEY_FILE" in answer.err
    assert leaf2.run("cat", "/run/mirror/authorized_keys") == before


def test_a_running_transfer_goes_on(topology: Topology, hub_secrets: Path) -> None:
    hub, slow = topology.node("hub"), topology.node("slow")
    for number in range(TRIES):
        serial, trigger = topology.in_the_middle("slow")
        runs = slow.archive()["runs"]
        with hub_secrets.open("a") as file:
            file.write(f"newcomer{number}:something\n")
        assert "rsyncd.secrets" in hub.run("mirrorctl", "reload")
        by_signal(slow)
        was_fetching = slow.archive()["stage"] == "payload"
        assert trigger.wait(120, "an answered trigger") == 0
        assert (slow.archive()["runs"], slow.serial()) == (runs, serial)
        if was_fetching:
            return
    raise AssertionError("every transfer was over too early to prove anything")
