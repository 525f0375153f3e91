from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from appliance.commands import Verdict
from appliance.errors import SyncError
from appliance.sync import fetch
from appliance.sync.changes import NONE, Change, Changes
from appliance.sync.count import Count
from appliance.sync.source import Source
from appliance.sync.staging import Staging
from appliance.sync.transport import Transport
from tests.unit.upstream import daemon


def change(path: str) -> Change:
    return Change(path, 1, new=True)


@pytest.fixture
def staging(tmp_path: Path) -> Staging:
    staging = Staging(tmp_path / "staging")
    staging.prepare()
    return staging


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "tree").mkdir()
    return tmp_path / "tree"


@pytest.fixture
def source(tmp_path: Path) -> Source:
    root = tmp_path / "upstream"
    for path in ("pool/a", "pool/b", "dists/InRelease"):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(f"new {path}")
    return Source(Transport(str(root)), own_name="leaf")


def test_payload_goes_into_the_tree_and_nothing_else_does(source: Source, staging: Staging, tree: Path) -> None:
    received = asyncio.run(fetch.payload(source, staging, tree, Changes.of([change("pool/a")]), Count()))
    assert (tree / "pool/a").read_text() == "new pool/a"
    assert not (tree / "pool/b").exists()
    assert received > 0


def test_index_goes_into_staging_and_the_tree_stays(source: Source, staging: Staging, tree: Path) -> None:
    (tree / "dists").mkdir()
    (tree / "dists/InRelease").write_text("old")
    asyncio.run(fetch.index(source, staging, tree, Changes.of([change("dists/InRelease")]), Count()))
    assert (staging.index / "dists/InRelease").read_text() == "new dists/InRelease"
    assert (tree / "dists/InRelease").read_text() == "old"


def test_an_index_of_the_same_size_and_time_is_fetched_all_the_same(
    source: Source, staging: Staging, tree: Path
) -> None:
    upstream = Path(source.url, "dists/InRelease")
    (tree / "dists").mkdir()
    (tree / "dists/InRelease").write_text("NEW dists/InRelease")
    times = upstream.stat()
    os.utime(tree / "dists/InRelease", ns=(times.st_atime_ns, times.st_mtime_ns))
    asyncio.run(fetch.index(source, staging, tree, Changes.of([change("dists/InRelease")]), Count()))
    assert (staging.index / "dists/InRelease").read_text() == "new dists/InRelease"


def test_what_the_upstream_lost_meanwhile_asks_for_a_new_plan(source: Source, staging: Staging, tree: Path) -> None:
    with pytest.raises(SyncError) as caught:
        asyncio.run(fetch.payload(source, staging, tree, Changes.of([change("pool/gone")]), Count()))
    assert caught.value.verdict is Verdict.MOVED


def test_a_list_may_end_anywhere_in_the_buffer_of_rsync(tmp_path: Path, staging: Staging, tree: Path) -> None:
    names = [f"pool/{number:089}/file" for number in range(21)]  # the last one lies across the 2048th byte
    for name in names:
        (tmp_path / "upstream" / name).parent.mkdir(parents=True)
        (tmp_path / "upstream" / name).write_text("new")
    with daemon(tmp_path, {"m": tmp_path / "upstream"}) as port:
        source = Source(Transport(f"rsync://127.0.0.1:{port}/m"), own_name="leaf")
        asyncio.run(fetch.payload(source, staging, tree, Changes.of([change(name) for name in names]), Count()))
    assert [name for name in names if not (tree / name).exists()] == []


def test_nothing_to_fetch_starts_nothing(staging: Staging, tree: Path) -> None:
    assert asyncio.run(fetch.payload(Source(Transport("/nowhere"), own_name="leaf"), staging, tree, NONE, Count())) == 0
