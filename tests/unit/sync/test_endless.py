"""An upstream without end: the walk of it is bounded in paths and in memory."""

from __future__ import annotations

import asyncio
import os
import subprocess
from pathlib import Path

import pytest

from appliance.commands import Verdict
from appliance.errors import SyncError
from appliance.sync import comparison, plan
from appliance.sync.profile import Profile
from appliance.sync.source import Source
from appliance.sync.transport import Transport
from tests.unit.sync.hostile import named
from tests.unit.upstream import daemon


def walked(port: int, tree: Path, limit: int) -> plan.Plan:
    transport = Transport(f"rsync://127.0.0.1:{port}/big")
    source = Source(transport, own_name="leaf", variable="MIRROR_ARCHIVES__BIG", max_files=limit)
    return asyncio.run(comparison.walk(source, tree, Profile("generic")))


def test_the_limit_is_how_many_paths_there_may_be(tmp_path: Path) -> None:
    (tmp_path / "big").mkdir()
    (tmp_path / "tree").mkdir()
    named("a/x", "b/x", "c")(tmp_path / "big")
    with daemon(tmp_path, {"big": tmp_path / "big"}) as port:
        assert walked(port, tmp_path / "tree", 5).upstream_files == 5
        with pytest.raises(SyncError, match="more than 4 paths") as caught:
            walked(port, tmp_path / "tree", 4)
        assert caught.value.verdict is Verdict.REFUSED
        # What we hold already counts like what is new.
        subprocess.run(["rsync", "-a", f"{tmp_path}/big/", f"{tmp_path}/tree/"], check=True)
        with pytest.raises(SyncError, match="more than 4 paths"):
            walked(port, tmp_path / "tree", 4)


def test_one_directory_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """rsync says nothing of a directory before it has all of it: there, memory is the limit."""
    big = tmp_path / "big"
    big.mkdir()
    (tmp_path / "tree").mkdir()
    (big / "x").touch()
    for number in range(60_000):
        os.link(big / "x", big / f"{number:0200}") if number % 30_000 else (big / f"{number:0200}").touch()
    monkeypatch.setattr("appliance.sync.source._BASE_MEMORY", 24 << 20)
    with daemon(tmp_path, {"big": big}) as port, pytest.raises(SyncError) as caught:
        walked(port, tmp_path / "tree", 100)
    assert "MIRROR_ARCHIVES__BIG__MAX_FILES" in caught.value.cure
