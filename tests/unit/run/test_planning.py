from __future__ import annotations

import time
from pathlib import Path

import pytest

from appliance.run.planning import ABSENT, Planning
from appliance.settings import load
from tests.unit.house import House


@pytest.mark.parametrize(("ago", "walks"), [(0.0, True), (ABSENT - 60, True), (ABSENT + 60, False), (-3600.0, False)])
def test_an_upstream_without_a_journal_is_asked_for_it_again(tmp_path: Path, ago: float, walks: bool) -> None:
    """After a day, and when the clock was set back, by which it may seem to be years."""
    house = House(tmp_path, port=9)
    planning = Planning(load(house.environ), house.places, house.store, "debian")
    assert not planning.walks
    house.store.lose_journal("debian", time.time() - ago)
    assert planning.walks is walks
    house.store.close()
