"""One scenario under way: what it may do to the mirrors, and what is asked afterwards."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from tests.chaos import checks
from tests.chaos.faults import Fault
from tests.chaos.ours import OurTiers
from tests.chaos.tiers import Tiers
from tests.chaos.watch import Watch, inconsistent
from tests.ground.waiting import LateError, wait_for
from tests.stock import Mirror

RECOVERY: Final = 60.0
"""Seconds in which everything must have arrived when an accident is over, unless a scenario says why it is longer."""
MARGIN: Final = 60.0
"""Seconds that anything may be late on a machine that stalls; they pass only where something is wrong."""


@dataclass(slots=True)
class Result:
    """What became of one kind of mirrors in one scenario."""

    scenario: str
    kind: str
    accidents: int = 0
    lost: int = 0
    reads: int = 0
    inconsistent: int = 0
    deleted: int = 0
    left: int = 0
    faults: int = 0
    slowest: float = 0
    seconds: float = 0
    remarks: list[str] = field(default_factory=list)

    @property
    def is_good(self) -> bool:
        """Whether nothing happened that must not."""
        return not (self.lost or self.inconsistent or self.deleted or self.left or self.faults)


class Trial:
    """Scenarios call this; `log` tells what is done and when."""

    def __init__(
        self, tiers: Tiers, watch: Watch, random: random.Random, result: Result, log: Callable[[str], None]
    ) -> None:
        self.tiers, self.random, self.result = tiers, random, result
        self._watch, self._log = watch, log

    def say(self, text: str) -> None:
        """A line of the schedule."""
        self._log(f"{self.result.kind}: {self.result.scenario}: {text}")

    def pause(self, most: float, least: float = 0) -> float:
        """A moment of chance passes: accidents come at any time."""
        seconds = self.random.uniform(least, most)
        threading.Event().wait(seconds)
        return seconds

    def push(self) -> None:
        """The origin changes and tells."""
        self.tiers.change()
        self.tiers.announce()

    def inflict(self, fault: Fault, what: str = "") -> None:
        """An accident that heals at once."""
        with self.inflicted(fault, what):
            pass

    @contextmanager
    def inflicted(self, fault: Fault, what: str = "") -> Iterator[None]:
        """An accident for the time of the block."""
        self.result.accidents += 1
        if what:
            self.say(f"{self.result.accidents}: {what}")
        with fault.lasting():
            yield

    def recover(self, deadline: float = RECOVERY) -> None:
        """Nobody pushes: what the origin has must arrive. If it does not that is counted, and it is pushed again."""
        most = deadline * self.tiers.patience + MARGIN
        try:
            self.result.slowest = max(self.result.slowest, self.tiers.wait_current(most))
        except LateError as late:
            self.result.lost += 1
            self.result.slowest = max(self.result.slowest, most)
            self.remark(f"lost: {late}")
            self._start_anew()

    def current(self, mirrors: Sequence[Mirror], deadline: float) -> None:
        """These have what the origin has in time, whatever is the matter with others."""
        began = time.monotonic()
        with suppress(LateError):
            wait_for(lambda: all(map(self.tiers.is_current, mirrors)), deadline, "the others are current")
        if time.monotonic() - began > deadline:
            self.result.lost += 1
            self.remark(f"held up: {', '.join(one.name for one in mirrors if not self.tiers.is_current(one))}")

    def _start_anew(self) -> None:
        for _ in range(3):
            self.push()
            try:
                self.tiers.wait_current(RECOVERY)
            except LateError as late:
                self.remark(str(late))
            else:
                return
        raise LateError("the mirrors could not be brought back")

    def remark(self, text: str) -> None:
        """Something to be read behind the table."""
        self.say(text)
        self.result.remarks.append(text)

    def run(self, scenario: Callable[[Trial], None]) -> None:
        """The scenario, a good run behind it, and every question."""
        began, wall = time.monotonic(), time.time()
        before = {mirror.name: checks.paths(mirror) for mirror in self._keepers()}
        try:
            scenario(self)
            self.push()
            self.recover()
            self._look(before, wall)
        except Exception as error:
            self.result.lost += 1
            self.remark(f"could not be carried out: {type(error).__name__}: {error}")
        self.result.seconds = time.monotonic() - began

    def _keepers(self) -> list[Mirror]:
        """Those that keep what is gone for longer than all of this takes."""
        return [self.tiers.hub, self.tiers.leaf] if isinstance(self.tiers, OurTiers) else []

    def _look(self, before: dict[str, set[str]], wall: float) -> None:
        reads = self._watch.news()
        self.result.reads, self.result.inconsistent = sum(reads.values()), inconsistent(reads)
        for text in self._watch.examples() if self.result.inconsistent else []:
            self.remark(f"read: {text}")
        for mirror in self.tiers.mirrors:
            self._count("differs", mirror.name, checks.differing(mirror, self.tiers.origin), "lost")
        for mirror in self._keepers():
            self._count("deleted", mirror.name, checks.gone(before[mirror.name], mirror), "deleted")
        if isinstance(self.tiers, OurTiers):
            self._look_closer(self.tiers, wall)

    def _look_closer(self, tiers: OurTiers, wall: float) -> None:
        for node in tiers.all:
            self._count("owed", node.name, in_the_end(partial(checks.owed, tiers.web(node))), "lost")
            # A file, an ssh or an rsync of the last run may be on its way out.
            self._count("left", node.name, in_the_end(partial(checks.left_over, node)), "left")
            self._count("process", node.name, in_the_end(partial(checks.strays, tiers.hands, node)), "left")
            self._count("fault", node.name, checks.faults(node, wall), "faults")

    def _count(self, what: str, name: str, found: list[str], where: str) -> None:
        setattr(self.result, where, getattr(self.result, where) + len(found))
        for text in found[:8]:
            self.remark(f"{name}: {what}: {text}")


def in_the_end(look: Callable[[], list[str]]) -> list[str]:
    """What is still to be seen when it had time to go away."""
    with suppress(LateError):
        wait_for(lambda: not look(), MARGIN, "nothing")
    return look()
