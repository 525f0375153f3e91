"""The accidents happen to stock's scripts too: the other column of the table that `make chaos` prints."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.chaos import scenarios
from tests.chaos.scene import Scene, open_place
from tests.chaos.stock import StockTiers

pytestmark = [pytest.mark.integration, pytest.mark.chaos]


def test_an_emptied_upstream_empties_small_mirrors(tmp_path: Path) -> None:
    with ExitStack() as stack:
        scene = Scene(StockTiers, open_place(tmp_path), stack)
        result = scene.play("emptied upstream", scenarios.emptied, "7", print)
    # Its guard is 40 000 files, whatever an archive has; this one is smaller.
    assert result.deleted > 500, result
    assert not result.lost, result
