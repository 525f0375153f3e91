"""What a sync would do, below a real daemon and below an appliance: said before, and nothing is changed by it."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from appliance.controller import Controller
from appliance.doors import glances
from appliance.run.forecast import Forecast, Sum, forecast
from appliance.settings import load
from tests.unit.chain import Chain, ask
from tests.unit.house import House
from tests.unit.upstream import DebianTree, daemon, tree


def everything(house: House) -> dict[str, object]:
    """The tree, the contents of the store, and what else is on the state volume."""
    files = tree(house.root / "data")
    rows = [*house.store._db.iterdump()]
    return {**files, "store": rows, "state": sorted(os.listdir(house.places.state / "journal"))}


def ahead(house: House, full: bool = False) -> Forecast:
    return asyncio.run(forecast(load(house.environ), house.places, "debian", full))


def test_a_first_sync_is_summed_by_directory_and_nothing_is_changed(tmp_path: Path) -> None:
    upstream = DebianTree(tmp_path / "upstream")
    upstream.release(a="one", b="four")
    with daemon(tmp_path, {"debian": upstream.root}) as port:
        house = House(tmp_path / "leaf", port)
        (house.places.state / "journal").mkdir()
        before = everything(house)
        seen = ahead(house)
        assert everything(house) == before
    sums = {one.directory: one for one in seen.directories}
    assert sums["pool"] == Sum("pool", files=2, bytes=7)
    assert sum(one.files for one in seen.directories) == seen.payload + seen.index
    assert (seen.planner, seen.delete, sums["project/trace"].files) == ("walk", 0, 2)
    assert seen.bytes == sum(one.bytes for one in seen.directories)
    assert seen.directories[0].bytes == max(one.bytes for one in seen.directories)


def test_what_is_gone_upstream_is_counted_and_the_guard_is_told(tmp_path: Path) -> None:
    upstream = DebianTree(tmp_path / "upstream")
    upstream.release(a="one")
    with daemon(tmp_path, {"debian": upstream.root}) as port:
        house = House(tmp_path / "leaf", port)
        for number in range(30):
            (house.tree / "pool/old").mkdir(parents=True, exist_ok=True)
            (house.tree / f"pool/old/{number}").write_text("x")
        seen = ahead(house)
    assert {one.directory: one.delete for one in seen.directories}["pool/old"] == 30
    assert "nothing would be deleted" in " ".join(glances._sentences(seen, 86400))
    assert bool(seen.held_back)


def test_below_an_appliance_it_costs_the_journal_alone(chain: Chain) -> None:
    async def synced(origin: Controller, leaf: Controller) -> None:
        await ask(origin)
        await ask(leaf)
        chain.archive.release("2026010102", c="new")
        await ask(origin)

    chain.play(synced)
    seen = ahead(chain.leaf)
    assert (seen.planner, {one.directory: one.files for one in seen.directories}["pool"]) == ("journal", 1)
    assert ahead(chain.leaf, full=True).planner == "walk"
    assert chain.planner == "walk: nothing is known of the upstream's journal yet"
