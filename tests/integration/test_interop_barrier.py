"""The barrier of a staged push: stage 2 only when all have stage 1, or when it takes too long (PROTOCOL section 1.4).

Stock's runmirrors and our pusher in front of the same recording accounts.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Final

import pytest

from tests.harness import Node
from tests.stock import Record, Recorder, World, variables

pytestmark = pytest.mark.integration

FAR: Final = "far-stock"
LIST: Final = (f"staged first {FAR} one", f"staged second {FAR} two")
STAGE1: Final = " sync:archive:{} sync:stage1"
STAGE2: Final = " sync:archive:{} sync:stage2"
PATIENT: Final = "patient"
HASTY: Final = "hasty"
"""Archives, whose pushers wait for the slow, or for two seconds only."""


class Barrier:
    """Both pushers with the same list, and the two they push."""

    def __init__(self, world: World, stack: ExitStack) -> None:
        self._stock = stack.enter_context(world.stock("origin-stock"))
        self._ours = {
            PATIENT: stack.enter_context(world.ours("origin-ours", settings(PATIENT, "10m"))),
            HASTY: stack.enter_context(world.ours("hub-ours", settings(HASTY, "2s"))),
        }
        far = stack.enter_context(world.stock(FAR))
        self.one, self.two = (Recorder(far, account, world.keys) for account in ("one", "two"))
        self._stock.runmirrors(PATIENT, *LIST, PUSHDELAY="600")
        self._stock.runmirrors(HASTY, *LIST, PUSHDELAY="2")

    def push(self, who: str, archive: str) -> None:
        if who == "stock":
            assert self._stock.push(archive, "all").code == 0
        else:
            self._ours[archive].announce(archive)

    def forget(self) -> None:
        """The recorders have heard nothing yet, and take everything."""
        self.one.script()
        self.two.script()

    def rest(self) -> None:
        """Nobody has anything to tell any more: who could not be told is told again, and now it goes well."""
        self.forget()
        for archive, pusher in self._ours.items():
            if "failing" in told(pusher):
                pusher.run("mirrorctl", "push", archive)
            pusher.wait_for(lambda node: told(node) <= {"delivered"}, 60, "has told everybody")


def told(pusher: Node) -> set[str]:
    """How it stands with those whom a pusher of ours tells."""
    return {one["state"] for each in pusher.status()["downstreams"].values() for one in each.values()}


def settings(archive: str, timeout: str) -> dict[str, str]:
    """Of our pusher; it has a second archive, because the name of an only one does not travel."""
    pushed = variables(archive, runmirrors="".join(f"{line}\n" for line in LIST))
    return {**pushed, **variables("debian", comment="the default archive"), "MIRROR_PUSH_TIMEOUT": timeout}


@pytest.fixture(scope="module")
def world_of_two(world: World) -> Iterator[Barrier]:
    with ExitStack() as stack:
        yield Barrier(world, stack)


@pytest.fixture
def barrier(world_of_two: Barrier) -> Iterator[Barrier]:
    """With recorders that have heard nothing yet, and hear nothing of an earlier test."""
    world_of_two.forget()
    yield world_of_two
    world_of_two.rest()


def words(records: list[Record]) -> list[str]:
    return [record.command for record in records]


def both(archive: str) -> list[str]:
    return [STAGE1.format(archive), STAGE2.format(archive)]


@pytest.mark.parametrize("who", ["stock", "ours"])
def test_stage_2_waits_for_the_slowest_stage_1(barrier: Barrier, who: str) -> None:
    with barrier.one.holding("stage1"):
        barrier.push(who, PATIENT)
        barrier.two.wait_answered(1)
        barrier.one.wait_told(1)
        assert words(barrier.two.records()) == [STAGE1.format(PATIENT)]
    one, two = barrier.one.wait_answered(2), barrier.two.wait_answered(2)
    assert words(one) == words(two) == both(PATIENT)
    assert min(one[1].began, two[1].began) > max(one[0].ended or 0, two[0].ended or 0)


@pytest.mark.parametrize("who", ["stock", "ours"])
def test_after_the_push_timeout_stage_2_waits_no_longer(barrier: Barrier, who: str) -> None:
    with barrier.one.holding("stage1"):
        started = time.time()
        barrier.push(who, HASTY)
        two = barrier.two.wait_answered(2)
        assert words(two) == both(HASTY)
        # Counted from before it: where a trigger arrives it may be noted late.
        assert two[1].began - started > 2
        assert words(barrier.one.wait_told(1)) == [STAGE1.format(HASTY)]
    assert words(barrier.one.wait_answered(2)) == both(HASTY)


@pytest.mark.parametrize("code", [1, 255])
@pytest.mark.parametrize("who", ["stock", "ours"])
def test_who_fails_stage_1_holds_nobody(barrier: Barrier, who: str, code: int) -> None:
    barrier.one.script(code=code)
    barrier.push(who, PATIENT)
    assert words(barrier.two.wait_answered(2)) == both(PATIENT)
    one = barrier.one.wait_answered(2)
    # Stock sends stage 2 whatever became of stage 1; we send everything to who has not got the payload.
    assert words(one[:2]) == (
        both(PATIENT) if who == "stock" else [both(PATIENT)[0], f" sync:archive:{PATIENT} sync:all"]
    )
