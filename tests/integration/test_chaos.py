"""The accidents of `make chaos`, fewer of each and always the same ones; nothing may come of them.

One set of mirrors goes through all of it. `make chaos` has the long version.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Final

import pytest

from tests.chaos import scenarios
from tests.chaos.ours import OurTiers
from tests.chaos.scenarios import Scenario
from tests.chaos.scene import Scene, open_place

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


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    with ExitStack() as stack:
        yield Scene(OurTiers, open_place(tmp_path_factory.mktemp("ours")), stack)


@pytest.mark.parametrize("name", SHORT)
def test_nothing_comes_of_it(ours: Scene, name: str) -> None:
    result = ours.play(name, SHORT[name], f"{SEED} {name}", print)
    assert result.is_good, result
    assert result.accidents
    assert result.reads
