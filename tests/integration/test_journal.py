"""Between appliances nobody compares whole trees: what changed is read from the upstream's journal."""

from __future__ import annotations

import pytest

from tests.harness import Topology

pytestmark = pytest.mark.integration


def test_a_change_arrives_everywhere_without_a_walk(topology: Topology) -> None:
    topology.release("update")
    topology.wait_serial(topology.publish(), "hub", "leaf1", "leaf2")
    planners = {name: topology.node(name).archive()["planner"] for name in ("hub", "leaf1", "leaf2")}
    assert planners == dict.fromkeys(planners, "journal")


def test_the_journal_is_hidden_and_has_the_rules_of_its_archive(topology: Topology) -> None:
    leaf = topology.node("leaf1")
    assert "journal" not in leaf.run("rsync", "rsync://hub:8730/")
    refused = leaf.exec("rsync", "rsync://stranger@hub:8730/debian_journal/")
    assert refused.code == 5
    assert "auth failed" in refused.err or "Password" in refused.err


def test_everything_is_compared_on_demand(topology: Topology) -> None:
    leaf = topology.node("leaf1")
    before = leaf.archive()["audited_at"]
    leaf.run("mirrorctl", "sync", "debian", "--full", "--wait")
    assert leaf.archive()["planner"].startswith("walk")
    assert leaf.archive()["audited_at"] > before
    assert leaf.archive()["drift"] == 0
