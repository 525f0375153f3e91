"""Our hub dies in the middle of a stage: nobody below it is misled, and it finishes what it began."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Final

import pytest

from tests.stock import Gate, Ours, Sample, Stock, World, variables

pytestmark = pytest.mark.integration

ARCHIVE: Final = "mortal"
STAGES: Final = {2: "payload", 3: "index"}
"""The transfers of one run of ours that makes one at a time, in order; the first one is the walk."""
CONTENT: Final = "--exclude=/project/trace/"
FLAGS: Final = "find /srv/mirror -name 'Archive-Update-*' -print"


class Tree:
    """A stock origin, our hub, a stock leaf."""

    def __init__(self, world: World, stack: ExitStack) -> None:
        self.origin = stack.enter_context(world.stock("origin-stock"))
        self.origin.module(ARCHIVE)
        self.origin.runmirrors(ARCHIVE, Ours.line("hub-ours", "all"))
        self.gate = Gate(self.origin, ARCHIVE)
        self.version = 0
        self.change()
        self.leaf = stack.enter_context(world.stock("leaf-stock"))
        self.leaf.ftpsync(ARCHIVE, Ours, "hub-ours")
        source = variables(
            ARCHIVE, upstream=Stock.upstream("origin-stock", ARCHIVE), poll="off", grace="0", streams="1"
        )
        others = variables("debian", comment="the default archive")
        told = {"MIRROR_DOWNSTREAMS": Stock.downstream("leaf-stock", "all", ARCHIVE)}
        self.hub = stack.enter_context(world.ours("hub-ours", {**source, **others, **told}))

    def change(self) -> str:
        self.version += 1
        self.origin.write(ARCHIVE, Sample(self.version))
        return self.origin.next_serial(ARCHIVE)

    def push(self) -> None:
        assert self.origin.push(ARCHIVE, "all").code == 0


@pytest.fixture(scope="module")
def tree(world: World) -> Iterator[Tree]:
    with ExitStack() as stack:
        ready = Tree(world, stack)
        ready.leaf.wait_carries(ARCHIVE, ready.origin.serial_of(ARCHIVE))
        yield ready


@pytest.mark.parametrize("signal", ["TERM", "KILL"])
@pytest.mark.parametrize("held", STAGES, ids=STAGES.get)
def test_a_hub_that_died_in_a_stage_finishes_after_its_start(tree: Tree, signal: str, held: int) -> None:
    before = tree.hub.serial_of(ARCHIVE)
    serial = tree.change()
    with tree.gate.after(held - 1):
        tree.push()
        tree.gate.wait_came(held)
        tree.hub.wait_for(lambda node: node.archive(ARCHIVE)["stage"] == STAGES[held], 60, "is held there")
        tree.hub.kill(f"SIG{signal}")
        tree.hub.wait_for(lambda node: not node.running, 60, "has ended")
    tree.hub.start()
    tree.hub.wait_healthy()
    assert tree.hub.run("sh", "-c", FLAGS) == ""
    assert tree.hub.serial_of(ARCHIVE) in (before, serial)

    # Nobody pushes again: what was accepted is done.
    tree.leaf.wait_carries(ARCHIVE, serial)
    tree.hub.wait_carries(ARCHIVE, serial)
    assert tree.hub.compare(ARCHIVE, tree.origin, CONTENT) == []
    # The hub deletes what is gone when it has told the leaf, which may have looked before.
    late = f"pool/main/g/gone-{tree.version - 1}/"
    assert [path for path in tree.leaf.compare(ARCHIVE, tree.hub, CONTENT) if not path.startswith(late)] == []


def test_the_next_push_after_a_death_is_taken(tree: Tree) -> None:
    tree.hub.kill()
    tree.hub.wait_for(lambda node: not node.running, 60, "has ended")
    tree.hub.start()
    tree.hub.wait_healthy()
    serial = tree.change()
    tree.push()
    tree.leaf.wait_carries(ARCHIVE, serial)
