from __future__ import annotations

import asyncio
from pathlib import Path

from appliance.run.reach import source_of
from appliance.settings import load
from appliance.sync import glance
from tests.unit.house import House
from tests.unit.upstream import DebianTree, daemon, eventually


def test_what_lies_beside_the_traces_and_is_no_trace_is_not_fetched(tmp_path: Path, origin: DebianTree) -> None:
    origin.write("project/trace/flood", bytes(3 * glance.LARGEST))
    with daemon(tmp_path, {"debian": origin.root}) as port:
        house = House(tmp_path / "house", port)
        source = source_of(load(house.environ), house.places, "debian")
        assert asyncio.run(glance.serial(source)) == "2026112101"
        house.store.close()
        log = tmp_path / "rsyncd.log"
        eventually(lambda: " sent " in log.read_text())
        sent = int(log.read_text().rpartition(" sent ")[2].split()[0])
    assert sent < glance.LARGEST


def test_a_master_that_leads_out_of_what_was_fetched_is_not_read(tmp_path: Path, origin: DebianTree) -> None:
    """It may lead to anything here: to another archive's trace, or to a device that never ends."""
    (tmp_path / "ours").write_text("\nArchive serial: 4711\n")
    master = origin.root / "project/trace/master"
    master.unlink()
    master.symlink_to(tmp_path / "ours")
    with daemon(tmp_path, {"debian": origin.root}) as port:
        house = House(tmp_path / "house", port)
        assert asyncio.run(glance.serial(source_of(load(house.environ), house.places, "debian"))) is None
        house.store.close()
