"""Mirrors of a kind with readers at each of them, and scenarios played on them."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from tests.chaos.scenarios import Scenario
from tests.chaos.tiers import Tiers
from tests.chaos.trial import Result, Trial
from tests.chaos.watch import Watch
from tests.ground import sweep
from tests.stock import World


class Scene:
    """The mirrors' archives are below `place`, which their uids must be able to enter; `stack` ends all of it."""

    def __init__(self, kind: type[Tiers], place: Path, stack: ExitStack) -> None:
        self.tiers = kind(stack.enter_context(World(sweep.CHAOS)), place, stack)
        self.watch = stack.enter_context(Watch(self.tiers.web(mirror).host for mirror in self.tiers.mirrors))

    def play(self, name: str, scenario: Scenario, seed: str, log: Callable[[str], None]) -> Result:
        """What comes of a scenario; the chance in it comes from the seed alone."""
        result = Result(name, self.tiers.kind)
        Trial(self.tiers, self.watch, random.Random(seed), result, log).run(scenario)
        return result


def open_place(place: Path) -> Path:
    """The directory, and pytest's above it, open for the uids of mirrors."""
    for directory in (place, *place.parents[:2]):
        directory.chmod(0o755)
    return place
