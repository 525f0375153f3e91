"""All that is known of the mirrors, put together, is bounded whatever strangers tell."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.tree.gathered import Gathered
from appliance.tree.kin import MOST
from appliance.tree.reports import Report, Told
from tests.unit.house import House


@pytest.mark.parametrize("remembering", [False, True])
def test_who_tells_of_ever_new_mirrors_adds_no_more_than_others(tmp_path: Path, remembering: bool) -> None:
    house = House(tmp_path / "house", downstreams="leaf=ssh://leaf?site=http://leaf/*")
    gathered = Gathered(house.settings())
    for hour in range(4):
        told = tuple(Told(f"m{hour}-{number}", "debian", "leaf", "1") for number in range(MOST // 2))
        gathered.reports = {"leaf": Report("leaf", told=told)}
        found = gathered.together(house.store, remembering)
        assert {(one.mirror, "debian") for one in told} <= found.keys(), "what is told now comes first"
        assert len(found) <= len(gathered.members) + MOST
    house.store.close()
