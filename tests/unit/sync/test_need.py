from __future__ import annotations

from pathlib import Path

from appliance.sync.changes import Change, Changes
from appliance.sync.need import need_of
from appliance.sync.plan import Plan


def test_what_a_plan_needs(tmp_path: Path) -> None:
    (tmp_path / "known").write_bytes(b"x" * 5000)
    work = Plan(
        payload=Changes.of(
            (
                Change("new", 0, new=True, directory=True),
                Change("old", 0, new=False, directory=True),
                Change("new/a", 5000, new=True),
                Change("new/b", 5000, new=True, leader="new/a"),
            )
        ),
        index=Changes.of((Change("known", 5000, new=False), Change("unknown", 1, new=False))),
    )
    need = need_of(work, tmp_path, 4096)
    assert need.inodes == 3
    assert 4096 + 8192 + 4096 <= need.bytes <= 4096 + 8192 + 4096 + 6 * 64
