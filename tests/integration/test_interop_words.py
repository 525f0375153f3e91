"""What a receiver makes of the words of a trigger: stock's ftpsync and our door, asked by the same ssh.

Where the two differ on purpose the table says so, with both answers (PROTOCOL sections 1.2 and 1.3).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from tests.harness import Answer
from tests.stock import Gate, Mirror, Ours, Sample, Stock, World, variables

pytestmark = pytest.mark.integration

OTHER = "other"
"""The archive that is not the default one."""


@dataclass(frozen=True, slots=True)
class Said:
    """A command, the archive it syncs if any, and the answer: exit status and standard output."""

    command: str
    archive: str | None = OTHER
    code: int = 0
    out: str = ""


SAME = (
    Said(" sync:archive:other sync:all"),
    Said("sync:all sync:archive:other"),
    Said("  sync:all   sync:archive:other  "),
    Said("sync:archive:other"),
    Said("sync:archive:debian sync:archive:other sync:all"),
    Said("sync:archive:other sync:stage1 sync:all"),
    Said(" sync:archive:other sync:party sync:all", out="Unknown option sync:party ignored\n"),
    Said(" sync:archive: sync:all", "debian"),
    Said("", "debian"),
    Said(" sync:archive:nowhere sync:all", None, 78),
)
"""Answered alike."""

DIFFERENT = {
    # Some pushers say the program's name in front; to stock that is one more unknown word, we know it.
    "ftpsync sync:archive:other sync:all": (
        Said("", out="Unknown option ftpsync ignored\n"),
        Said(""),
    ),
    # Nothing but unknown words: to stock a full sync of the default archive, to us no trigger at all.
    "sync:party": (
        Said("", "debian", out="Unknown option sync:party ignored\n"),
        Said("", None, 64),
    ),
}


class Receivers:
    """A stock upstream that has both archives, and below it a mirror of each kind."""

    def __init__(self, world: World, stack: ExitStack) -> None:
        self.origin = stack.enter_context(world.stock("origin-stock"))
        for archive in ("debian", OTHER):
            self.origin.module(archive)
            self.origin.write(archive, Sample())
            self.origin.next_serial(archive)
        stock = stack.enter_context(world.stock("leaf-stock"))
        stock.ftpsync("", Stock, self.origin.name)
        stock.ftpsync(OTHER, Stock, self.origin.name)
        sources = (variables(name, upstream=Stock.upstream(self.origin.name, name)) for name in ("debian", OTHER))
        ours = stack.enter_context(
            world.ours("leaf-ours", {key: value for each in sources for key, value in each.items()})
        )
        for archive in ("debian", OTHER):
            ours.wait_carries(archive, self.origin.serial_of(archive))
        self.of: dict[str, Mirror] = {"stock": stock, "ours": ours}

    def runs(self, who: str, archive: str) -> str:
        """Something that is another after every complete run: for stock its trace, which counts no runs."""
        node = self.of[who]
        if isinstance(node, Ours):
            return str(node.archive(archive)["runs"])
        return node.exec("stat", "-c", "%i %Y %Z", f"{node.tree(archive)}/project/trace/{node.name}").out

    def ask(self, who: str, command: str) -> Answer:
        return self.origin.trigger(self.of[who], command)


@pytest.fixture(scope="module")
def receivers(world: World) -> Iterator[Receivers]:
    with ExitStack() as stack:
        yield Receivers(world, stack)


def check(receivers: Receivers, who: str, command: str, expected: Said) -> None:
    before = {archive: receivers.runs(who, archive) for archive in ("debian", OTHER)}
    answer = receivers.ask(who, command)
    assert (answer.code, answer.out) == (expected.code, expected.out)
    ran = {archive for archive in before if receivers.runs(who, archive) != before[archive]}
    assert ran == ({expected.archive} if expected.archive else set())


@pytest.mark.parametrize("who", ["stock", "ours"])
@pytest.mark.parametrize("said", SAME, ids=lambda said: repr(said.command))
def test_words_that_both_take_alike(receivers: Receivers, who: str, said: Said) -> None:
    check(receivers, who, said.command, said)


@pytest.mark.parametrize("who", ["stock", "ours"])
@pytest.mark.parametrize("command", DIFFERENT)
def test_words_that_we_take_otherwise(receivers: Receivers, who: str, command: str) -> None:
    check(receivers, who, command, DIFFERENT[command][who == "ours"])


def test_a_busy_stock_mirror_notes_it_and_says_so(receivers: Receivers) -> None:
    leaf, gate = receivers.of["stock"], Gate(receivers.origin, OTHER)
    argv = receivers.origin.trigger_argv(leaf, f" sync:archive:{OTHER} sync:all")
    with gate.after(0):
        running = receivers.origin.start_as_account(*argv)
        gate.wait_came(1)
        answer = receivers.origin.as_account(*argv)
        assert answer.code == 1
        assert "lock file still exists" in answer.out
        assert f"Archive-Update-Required-{leaf.name}" in leaf.run("ls", leaf.tree(OTHER))
    assert running.wait(60, "the first trigger is answered") == 0


def test_ours_answers_a_trigger_during_a_run_when_its_work_is_done(receivers: Receivers) -> None:
    leaf, origin, gate = receivers.of["ours"], receivers.origin, Gate(receivers.origin, OTHER)
    argv = origin.trigger_argv(leaf, f" sync:archive:{OTHER} sync:all")
    origin.write(OTHER, Sample(2))
    with gate.after(0):
        running = origin.start_as_account(*argv)
        gate.wait_came(1)
        serial = origin.next_serial(OTHER)
        second = origin.start_as_account(*argv)
        leaf.wait_for(lambda node: node.archive(OTHER)["pending"], 60, "has noted the second trigger")
        assert second.code() is None
    assert [each.wait(60, "an answered trigger") for each in (running, second)] == [0, 0]
    assert leaf.serial_of(OTHER) == serial
