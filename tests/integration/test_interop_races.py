"""Triggers at the wrong moment: each is followed by what it asked for (PROTOCOL section 8, items 1 to 3).

The upstream is held at a transfer of our leaf, changes meanwhile, and pushes again.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import count
from typing import Final

import pytest

from tests.stock import FILES, Gate, Ours, Sample, Stock, World, variables

pytestmark = pytest.mark.integration

ARCHIVE: Final = "races"
ALL: Final = f" sync:archive:{ARCHIVE} sync:all"
STAGE1: Final = f" sync:archive:{ARCHIVE} sync:stage1"
STAGE2: Final = f" sync:archive:{ARCHIVE} sync:stage2"

WALK, PAYLOAD, INDEX = 1, 2, 3
"""Transfers of one run of ours that makes one at a time, in order."""
STAGES: Final = {WALK: "plan", PAYLOAD: "payload", INDEX: "index"}
"""Where a run is before such a transfer."""

TAIL: Final = b"""#!/bin/sh
while [ -e /tmp/tail ]; do sleep 0.1; done
"""
"""As hook4: the run has published and is not over while the file is there."""


@dataclass(frozen=True, slots=True)
class Moment:
    """The first trigger is under way and held before its so-manieth transfer when the second one comes."""

    first: str
    held: int
    second: str


MOMENTS: Final = {
    "all during the walk": Moment(ALL, WALK, ALL),
    "all during the payload": Moment(ALL, PAYLOAD, ALL),
    "all during the index": Moment(ALL, INDEX, ALL),
    "stage 1 during stage 1": Moment(STAGE1, PAYLOAD, STAGE1),
    "stage 1 during stage 2": Moment(STAGE2, INDEX, STAGE1),
    "stage 2 during stage 1": Moment(STAGE1, PAYLOAD, STAGE2),
    "stage 2 during stage 2": Moment(STAGE2, INDEX, STAGE2),
}


class Race:
    """A stock upstream and our leaf, which starts each race level with it."""

    def __init__(self, origin: Stock, leaf: Ours) -> None:
        self.origin, self.leaf = origin, leaf
        self.gate = Gate(origin, ARCHIVE)
        self._versions = count(1)

    def change(self) -> str:
        """The next version, with its serial."""
        self.origin.write(ARCHIVE, Sample(next(self._versions)))
        return self.origin.next_serial(ARCHIVE)

    def trigger(self, command: str) -> list[str]:
        return self.origin.trigger_argv(self.leaf, command)


@pytest.fixture(scope="module")
def race(world: World) -> Iterator[Race]:
    with ExitStack() as stack:
        origin = stack.enter_context(world.stock("origin-stock"))
        origin.module(ARCHIVE)
        source = variables(ARCHIVE, upstream=Stock.upstream(origin.name, ARCHIVE), grace="0", poll="off", streams="1")
        leaf = stack.enter_context(world.ours("leaf-ours", {**source, "MIRROR_HOOKS": FILES}, {"hook4": TAIL}))
        ready = Race(origin, leaf)
        serial = ready.change()
        assert origin.trigger(leaf, ALL).code == 0
        leaf.wait_carries(ARCHIVE, serial)
        yield ready


@pytest.mark.parametrize("moment", MOMENTS.values(), ids=MOMENTS)
def test_a_trigger_during_a_run_is_served_after_it(race: Race, moment: Moment) -> None:
    race.change()
    with race.gate.after(moment.held - 1):
        first = race.origin.start_as_account(*race.trigger(moment.first))
        race.gate.wait_came(moment.held)
        race.leaf.wait_for(lambda node: node.archive(ARCHIVE)["stage"] == STAGES[moment.held], 60, "is held there")
        serial = race.change()
        second = race.origin.start_as_account(*race.trigger(moment.second))
        race.leaf.wait_for(lambda node: node.archive(ARCHIVE)["pending"], 60, "has noted the second trigger")
    assert [each.wait(60, "an answered trigger") for each in (first, second)] == [0, 0]
    if moment.second == STAGE1:
        assert race.leaf.has(ARCHIVE, f"pool/main/h/hello/hello_{int(serial) - 2026010100}_all.deb")
        assert race.origin.trigger(race.leaf, STAGE2).code == 0
    assert race.leaf.serial_of(ARCHIVE) == serial
    assert race.leaf.compare(ARCHIVE, race.origin, "--exclude=/project/trace/") == []


def test_a_trigger_behind_the_publication_is_served_after_it(race: Race) -> None:
    serial = race.change()
    race.leaf.run("touch", "/tmp/tail")
    first = race.origin.start_as_account(*race.trigger(ALL))
    race.leaf.wait_for(lambda _: race.leaf.serial_of(ARCHIVE) == serial, 60, "has published")
    serial = race.change()
    second = race.origin.start_as_account(*race.trigger(ALL))
    race.leaf.wait_for(lambda node: node.archive(ARCHIVE)["pending"], 60, "has noted the second trigger")
    race.leaf.run("rm", "/tmp/tail")
    assert [each.wait(60, "an answered trigger") for each in (first, second)] == [0, 0]
    assert race.leaf.serial_of(ARCHIVE) == serial
