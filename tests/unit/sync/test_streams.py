from __future__ import annotations

import asyncio
import logging
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.commands import Verdict
from appliance.errors import SyncError
from appliance.sync import fetch, shares, streams
from appliance.sync.changes import Change, Changes
from appliance.sync.comparison import walk
from appliance.sync.count import Count
from appliance.sync.profile import Profile
from appliance.sync.source import Source
from appliance.sync.staging import Staging
from appliance.sync.streams import Streams
from appliance.sync.transport import Transport
from tests.unit.upstream import daemon

FILES = 24
SIZE = 200_000


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Streams pay for little, so that a test need not move much."""
    monkeypatch.setattr(shares, "WORTH", SIZE)


@pytest.fixture
def upstream(tmp_path: Path) -> Path:
    """Files in common directories, two of them names of one, and an empty directory."""
    root = tmp_path / "upstream"
    for number in range(FILES):
        path = root / f"pool/{number % 5}/deep/same-{number}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(os.urandom(SIZE))
    os.link(root / "pool/0/deep/same-0", root / "pool/4/deep/twin")
    (root / "empty/below").mkdir(parents=True)
    return root


@pytest.fixture
def staging(tmp_path: Path) -> Staging:
    staging = Staging(tmp_path / "staging")
    staging.prepare()
    return staging


def source(port: int, count: int, bwlimit: int = 0) -> Source:
    return Source(Transport(f"rsync://127.0.0.1:{port}/m"), own_name="leaf", streams=count, bwlimit=bwlimit)


def fetch_all(source: Source, staging: Staging, tree: Path) -> int:
    tree.mkdir(exist_ok=True)

    async def sync() -> int:
        plan = await walk(source, tree, Profile("generic"))
        return await fetch.payload(source, staging, tree, plan.payload, Count())

    return asyncio.run(sync())


def state(root: Path) -> dict[str, bytes | None]:
    return {
        str(path.relative_to(root)): path.read_bytes() if path.is_file() else None for path in sorted(root.rglob("*"))
    }


def connections(scratch: Path) -> int:
    """How many fetches the daemon served, the walk not counted."""
    return len(re.findall(r"rsync on m/", (scratch / "rsyncd.log").read_text())) - 1


@pytest.mark.parametrize("count", [1, 4])
def test_streams_bring_the_tree_as_it_is(tmp_path: Path, upstream: Path, staging: Staging, count: int) -> None:
    with daemon(tmp_path, {"m": upstream}) as port:
        assert fetch_all(source(port, count), staging, tmp_path / "tree") > FILES * SIZE
    assert state(tmp_path / "tree") == state(upstream)
    assert (tmp_path / "tree/pool/0/deep/same-0").samefile(tmp_path / "tree/pool/4/deep/twin")
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "tree").rglob("*") if path.is_dir()} == {0o755}
    assert connections(tmp_path) == count


@pytest.mark.parametrize("allowed", [1, 2, 3])
def test_a_limit_of_the_upstream_is_no_failure(
    tmp_path: Path, upstream: Path, staging: Staging, allowed: int, caplog: pytest.LogCaptureFixture
) -> None:
    log, walked = tmp_path / "rsyncd.log", tmp_path / "walked"
    # However quick the first ones are, they are still there when one too many comes; the walk comes alone.
    held = f"until grep -q 'max connections' {log} || mkdir {walked} 2>/dev/null; do sleep 0.02; done"
    limit = f"max connections = {allowed}\nlock file = {tmp_path}/lock\npre-xfer exec = {held}"
    with caplog.at_level(logging.INFO, "push-mirror"), daemon(tmp_path, {"m": upstream}, limit) as port:
        fetch_all(source(port, 4), staging, tmp_path / "tree")
    assert state(tmp_path / "tree") == state(upstream)
    assert "max connections" in log.read_text()
    assert "fewer connections" in caplog.text


def test_an_upstream_that_lets_nobody_in_is_busy(tmp_path: Path, upstream: Path, staging: Staging) -> None:
    lines = f"max connections = -1\nlock file = {tmp_path}/lock"
    changes = [Change(f"pool/{number % 5}/deep/same-{number}", SIZE, new=True) for number in range(FILES)]
    with daemon(tmp_path, {"m": upstream}, lines) as port, pytest.raises(SyncError) as caught:
        asyncio.run(fetch.payload(source(port, 4), staging, tmp_path / "tree", Changes.of(changes), Count()))
    assert caught.value.verdict in (Verdict.BUSY, Verdict.REFUSED)


def test_what_one_stream_misses_does_not_keep_the_others_from_the_rest(
    tmp_path: Path, upstream: Path, staging: Staging
) -> None:
    changes = [Change(f"pool/{number % 5}/deep/same-{number}", SIZE, new=True) for number in range(FILES)]
    gone = Change("pool/0/deep/gone", SIZE, new=True)
    (tmp_path / "tree").mkdir()
    with daemon(tmp_path, {"m": upstream}) as port, pytest.raises(SyncError) as caught:
        asyncio.run(fetch.payload(source(port, 4), staging, tmp_path / "tree", Changes.of([gone, *changes]), Count()))
    assert caught.value.verdict is Verdict.MOVED
    assert all((tmp_path / "tree" / change.path).exists() for change in changes)


def test_the_bandwidth_is_shared(tmp_path: Path, upstream: Path, staging: Staging) -> None:
    limit = 4 * FILES * SIZE >> 10  # a quarter of a second's worth in one second
    with daemon(tmp_path, {"m": upstream}) as port:
        argvs = []
        one = source(port, 4, bwlimit=limit)
        original = Source.argv

        def argv(self: Source, *options: str, target: Path) -> list[str]:
            argvs.append(original(self, *options, target=target))
            return argvs[-1]

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Source, "argv", argv)
            fetch_all(one, staging, tmp_path / "tree")
    limits = [int(word.partition("=")[2]) for line in argvs[1:] for word in line if word.startswith("--bwlimit=")]
    assert len(limits) == 4
    assert sum(limits) <= limit


def test_what_was_cut_off_is_resumed_by_another_number_of_streams(tmp_path: Path, staging: Staging) -> None:
    tree, root, size = tmp_path / "tree", tmp_path / "large", 2 << 20  # rsync writes 256 KiB at a time
    changes = [Change(f"{number}/file-{number}", size, new=True) for number in range(8)]
    for path in [tree, *(root / change.path for change in changes)]:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(os.urandom(size)) if path != tree else path.mkdir()

    async def cut(one: Source) -> None:
        task = asyncio.create_task(fetch.payload(one, staging, tree, Changes.of(changes), Count()))
        while sum(path.stat().st_size > 0 for path in staging.temporary.iterdir()) < 3:
            assert not task.done()
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    with daemon(tmp_path, {"m": root}) as port:
        asyncio.run(cut(source(port, 4, bwlimit=2 << 10)))
        half = [path for path in staging.partial.rglob("*") if path.is_file()]
        assert len(half) >= 3
        staging.prepare()
        received = asyncio.run(fetch.payload(source(port, 2), staging, tree, Changes.of(changes), Count()))
    assert received < len(changes) * size - (256 << 10)
    assert state(tree) == state(root)


class Shares:
    """Shares whose fetches end as they are told to."""

    def __init__(self, *ends: Verdict | None) -> None:
        self.ends: Iterator[Verdict | None] = iter(ends)
        self.cancelled = 0
        self.fetched: list[int] = []

    async def fetch(self, number: int) -> int:
        end = next(self.ends, None)
        try:
            await asyncio.sleep(0 if end else 0.05)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if end:
            raise SyncError(f"it is {end.value}", verdict=end)
        self.fetched.append(number)
        return 1


def run(shares: Shares, count: int, streams: int) -> int:
    return asyncio.run(Streams(count, shares.fetch, "u").run(streams))


@pytest.mark.parametrize("verdict", [Verdict.LOCAL, Verdict.REFUSED])
def test_what_no_stream_can_get_round_ends_all(verdict: Verdict) -> None:
    some = Shares(None, None, verdict)
    with pytest.raises(SyncError) as caught:
        run(some, 6, 3)
    assert caught.value.verdict is verdict
    assert (some.cancelled, some.fetched) == (2, [])


@pytest.mark.parametrize("verdict", [Verdict.BUSY, Verdict.NETWORK])
def test_the_share_of_one_that_is_not_let_in_goes_to_the_others(verdict: Verdict) -> None:
    some = Shares(None, verdict, verdict)
    assert run(some, 3, 3) == 3
    assert sorted(some.fetched) == [0, 1, 2]


def test_a_connection_lost_at_the_end_is_made_once_more() -> None:
    some = Shares(None, None, Verdict.NETWORK)
    assert run(some, 3, 2) == 3
    lost = Shares(None, Verdict.NETWORK, Verdict.NETWORK)
    with pytest.raises(SyncError) as caught:
        run(lost, 2, 1)
    assert caught.value.verdict is Verdict.NETWORK


def test_whom_the_upstream_still_counts_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "PAUSES", (0.01, 0.01))
    assert run(Shares(None, Verdict.BUSY, Verdict.BUSY), 2, 1) == 2
    with pytest.raises(SyncError):
        run(Shares(None, *[Verdict.BUSY] * 6), 2, 1)


@pytest.mark.parametrize(
    ("ends", "told"),
    [
        ((Verdict.BUSY, Verdict.NETWORK), Verdict.NETWORK),
        ((Verdict.BUSY, Verdict.BUSY), Verdict.BUSY),
        ((Verdict.MOVED, None), Verdict.MOVED),
        ((Verdict.MOVED, Verdict.BUSY, None), Verdict.MOVED),
    ],
)
def test_the_most_telling_error_is_told(ends: tuple[Verdict | None, ...], told: Verdict) -> None:
    with pytest.raises(SyncError) as caught:
        run(Shares(*ends), 2, 2)
    assert caught.value.verdict is told


def test_a_disk_of_ours_that_fails_is_told_as_what_it_is() -> None:
    async def fetch(share: int) -> int:
        raise PermissionError(f"part {share}")

    with pytest.raises(PermissionError, match="part"):
        asyncio.run(Streams(3, fetch, "u").run(3))
