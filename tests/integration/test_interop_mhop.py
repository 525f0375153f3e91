"""Two hops: stage 1 goes down to the leaves before the hub answers, stage 2 when the hub has published (section 1.5).

Once with a stock origin above our hub, once the other way round. The leaf is an account that records.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Final

import pytest

from tests.stock import Mirror, Ours, Recorder, Sample, Stock, World, variables

pytestmark = pytest.mark.integration

LEAF: Final = "far-stock"
ARCHIVE: Final = "hops"
STAGE1: Final = f" sync:archive:{ARCHIVE} sync:mhop sync:stage1"
STAGE2: Final = {
    # We say what runmirrors says when run by hand; called from ftpsync it leaves the hop out of stage 2.
    Ours: f" sync:archive:{ARCHIVE} sync:mhop sync:stage2",
    Stock: f" sync:archive:{ARCHIVE} sync:stage2",
}


class Hops:
    """Origin and hub of different kinds, and the recording leaf."""

    def __init__(self, origin: Mirror, hub: Mirror, leaf: Recorder) -> None:
        self.origin, self.hub, self.leaf = origin, hub, leaf


@pytest.fixture(scope="module", params=[Ours, Stock], ids=["hub is ours", "hub is stock"])
def hops(world: World, request: pytest.FixtureRequest) -> Iterator[Hops]:
    with ExitStack() as stack:
        far = stack.enter_context(world.stock(LEAF))
        recorder = Recorder(far, "one", world.keys)
        yield (_our_hub if request.param is Ours else _stock_hub)(world, stack, recorder)


def _our_hub(world: World, stack: ExitStack, leaf: Recorder) -> Hops:
    origin = stack.enter_context(world.stock("origin-stock"))
    origin.module(ARCHIVE)
    origin.runmirrors(ARCHIVE, Ours.line("hub-ours", "mhop"), PUSHDELAY=LONG)
    told = variables(ARCHIVE, upstream=Stock.upstream("origin-stock", ARCHIVE), runmirrors=f"mhop leaf {LEAF} one\n")
    hub = stack.enter_context(world.ours("hub-ours", {**told, **DEFAULT}))
    hub.wait_begun(ARCHIVE)  # a first sync that is late would publish what stage 1 must not
    return Hops(origin, hub, leaf)


def _stock_hub(world: World, stack: ExitStack, leaf: Recorder) -> Hops:
    hub = stack.enter_context(world.stock("hub-stock"))
    hub.ftpsync(ARCHIVE, Ours, "origin-ours", HUB="true")
    hub.runmirrors(ARCHIVE, f"mhop leaf {LEAF} one", PUSHDELAY=LONG)
    told = variables(ARCHIVE, runmirrors=f"{Stock.line('hub-stock', 'mhop')}\n")
    return Hops(stack.enter_context(world.ours("origin-ours", {**told, **DEFAULT})), hub, leaf)


LONG: Final = "600"
"""Seconds that stock waits for who holds a stage, as we do."""
DEFAULT: Final = variables("debian", comment="the default archive")
"""So that the name of the other one travels."""


def test_the_hub_answers_stage_1_when_the_leaf_has_it(hops: Hops) -> None:
    hops.leaf.script()
    hops.origin.write(ARCHIVE, Sample())
    with hops.leaf.holding("stage1"):
        serial = hops.origin.announce(ARCHIVE, "mhop")
        (told,) = hops.leaf.wait_told(1)
        assert told.command == STAGE1
        payload, index = "pool/main/h/hello/hello_1_all.deb", "dists/demo/Release"
        assert hops.hub.has(ARCHIVE, payload)
        assert not hops.hub.has(ARCHIVE, index)
        assert hops.hub.serial_of(ARCHIVE) != serial
    assert hops.leaf.wait_told(2)[1].command == STAGE2[type(hops.hub)]
    assert hops.hub.serial_of(ARCHIVE) == serial
    assert hops.hub.has(ARCHIVE, index)
    assert len(hops.leaf.wait_answered(2)) == 2
