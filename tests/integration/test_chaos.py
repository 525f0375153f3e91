"""The accidents of `make chaos`, fewer of each and always the same ones; nothing may come of them.

One set of mirrors goes through all of it. What a scenario may take is in its table: `make chaos` has the long version.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import pytest

from tests.chaos import scenarios
from tests.chaos.ours import OurTiers
from tests.chaos.scenarios import Scenario
from tests.chaos.stock import StockTiers
from tests.chaos.tiers import Tiers
from tests.chaos.trial import Result, Trial
from tests.chaos.watch import Watch
from tests.ground import sweep
from tests.stock import World

pytestmark = [pytest.mark.integration, pytest.mark.chaos]

SEED: Final = 7
SHORT: Final[dict[str, Scenario]] = {
    "killed": scenarios.killed(10, at_once=2),
    "all tiers at once": scenarios.all_at_once,
    "storm of triggers": scenarios.stormy(800, 200),
    "clock step": scenarios.clock_step,
    "lossy": scenarios.lossy,
    "overtaken": scenarios.overtaken,
    "emptied upstream": scenarios.emptied,
    "disk full": scenarios.disk_full(1),
    "black hole": scenarios.black_hole_at(-1),
}


class Scene:
    """Mirrors of a kind, and readers at each of them."""

    def __init__(self, kind: type[Tiers], place: Path, stack: ExitStack) -> None:
        place.chmod(0o755)
        self.tiers = kind(stack.enter_context(World(sweep.CHAOS)), place, stack)
        self.watch = stack.enter_context(Watch(self.tiers.web(mirror).host for mirror in self.tiers.mirrors))

    def result(self, name: str, scenario: Scenario) -> Result:
        """What comes of a scenario."""
        result = Result(name, self.tiers.kind)
        Trial(self.tiers, self.watch, random.Random(f"{SEED} {name}"), result, print).run(scenario)
        return result


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    with ExitStack() as stack:
        yield Scene(OurTiers, _place(tmp_path_factory), stack)


def _place(factory: pytest.TempPathFactory) -> Path:
    place = factory.mktemp("chaos")
    for directory in (place, *place.parents[:2]):
        directory.chmod(0o755)
    return place


@pytest.mark.parametrize("name", SHORT)
def test_nothing_comes_of_it(ours: Scene, name: str) -> None:
    result = ours.result(name, SHORT[name])
    assert result.is_good, result
    assert result.accidents
    assert result.reads


def test_the_same_happens_to_stock(tmp_path_factory: pytest.TempPathFactory) -> None:
    with ExitStack() as stack:
        scene = Scene(StockTiers, _place(tmp_path_factory), stack)
        result = scene.result("emptied upstream", scenarios.emptied)
    # Its guard is 40 000 files, whatever an archive has: this one is smaller.
    assert result.deleted > 500, result
