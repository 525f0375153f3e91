"""How long news takes to the next tier, as the metrics tell it and as it is measured here, from outside."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Final

import pytest

from tests.harness import Node, Topology
from tests.harness.scrape import propagation, scrape
from tests.integration.test_alerts import promtool

pytestmark = pytest.mark.integration

ROUNDS: Final = 2
LATE: Final = 5.0
"""Seconds between a publication and our noticing that it is known above: else the measurement says little."""
TRIES: Final = 5
"""Measurements until one says something, on a busy machine."""

PAIRS: Final = (("origin", "hub"), ("hub", "leaf1"), ("hub", "leaf2"))


@dataclass(slots=True)
class Told:
    """What was measured below a mirror, in seconds: when it had published everything, and when that was to be seen."""

    least: float = 0
    most: float = 0


def test_the_sums_are_the_times_that_are_measured_here(topology: Topology) -> None:
    assert any(_measured(topology, number) for number in range(TRIES)), "looked at too rarely to say anything"
    assert promtool("check", "metrics", given=scrape(topology.node("hub"))) == ""


def _measured(topology: Topology, number: int) -> bool:
    """Whether what is told, which must be true, was looked at closely enough to say anything."""
    nodes = {name: topology.node(name) for name in ("origin", "hub", "leaf1", "leaf2")}
    # What was published before counts, too, when it is confirmed.
    for above, below in PAIRS:
        confirmed(nodes[above], below, str(nodes["origin"].serial()))
    before = {(above, below): propagation(nodes[above], below, 1) for above, below in PAIRS}
    told = {pair: Told() for pair in PAIRS}
    for round in range(ROUNDS):
        topology.release("payload", "2", "100000", f"propagation{number}-{round}")
        serial = topology.publish()
        for above, below in PAIRS:
            seen = confirmed(nodes[above], below, serial)
            began, ended = (nodes[name].archive()["published_at"] for name in (above, below))
            noted = told[above, below]
            noted.least += ended - began
            noted.most += seen - began
    for (above, below), noted in told.items():
        now = propagation(nodes[above], below, 1)
        count, seconds = (now[figure] - before[above, below][figure] for figure in (0, 1))
        assert count == ROUNDS
        assert noted.least <= seconds <= noted.most
    return all(noted.most - noted.least < LATE * ROUNDS for noted in told.values())


def confirmed(node: Node, below: str, serial: str) -> float:
    """When it can be seen here that a mirror knows: who it told has been seen to carry this."""

    def look(_: Node) -> bool:
        known = node.status()["downstreams"][below]["debian"]
        return bool(known["confirmed"]) and known["carries"] == serial

    node.wait_for(look, 120, f"{below} carries {serial}")
    return time.time()
