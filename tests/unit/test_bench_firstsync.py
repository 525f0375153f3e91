"""The first sync's instruments: the line keeps its rate, delay and queue; the archive is one that verifies."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from appliance.sync.profile import Profile
from appliance.sync.terms import Terms
from appliance.sync.verify import verify
from appliance.sync.view import View
from tests.bench.firstsync import LONG, OURS, PLAIN, table
from tests.bench.payload import build
from tests.bench.relay import Way, wire_size
from tests.bench.rows import Row, Run
from tests.unit.upstream import Keyring


def packet(payload: int, segment: int = 0, headers: int = 52) -> bytes:
    """As the kernel hands it over: a header of its own, then all segments as one."""
    kind = 1 if segment else 0
    return bytes([1, kind]) + b"".join(part.to_bytes(2, "little") for part in (headers, segment, 20, 16)) + bytes(
        headers + payload
    )  # fmt: skip


def test_what_passes_as_one_counts_as_the_frames_that_it_would_be() -> None:
    assert wire_size(packet(1448)) == 52 + 1448 + 38
    assert wire_size(packet(10 * 1448, 1448)) == 10 * wire_size(packet(1448))
    assert wire_size(packet(10 * 1448 + 1, 1448)) == 10 * wire_size(packet(1448)) + wire_size(packet(1))


def test_a_way_keeps_rate_delay_and_queue() -> None:
    source, near = os.pipe2(os.O_NONBLOCK | os.O_DIRECT)
    far, target = os.pipe2(os.O_NONBLOCK | os.O_DIRECT)
    way = Way(source, target, rate=1e5, delay=0.025)
    for _ in range(8):
        os.write(near, packet(948))  # 1038 bytes on the wire: 10 ms each
    way.take(100.0)
    assert [round(due - 100, 3) for due, _ in way.waiting] == [0.035, 0.046, 0.056, 0.067, 0.077, 0.087]
    assert way.dropped == 2  # more than 60 ms behind
    way.give(100.034)
    assert len(way.waiting) == 6
    way.give(100.05)
    assert len(way.waiting) == 4
    assert len(os.read(far, 1 << 16)) == len(packet(948))
    for file in (source, near, far, target):
        os.close(file)


def test_the_archive_is_signed_and_fits(tmp_path: Path) -> None:
    keyring = Keyring(tmp_path / "k") if len(str(tmp_path)) < 60 else Keyring(Path(f"/tmp/pmk{os.getpid()}"))
    try:
        total = build(tmp_path / "archive", keyring, 40, 1_000_000)
        assert 900_000 < total < 1_100_000
        view = View(tmp_path / "archive", tmp_path / "nothing")
        seal = asyncio.run(verify(view, Profile("debian"), Terms(keyring.public, payload=True)))
        assert seal.signed
    finally:
        keyring.close()


def test_the_table_compares_with_ours() -> None:
    rows = [
        Row("first sync", LONG, OURS, (Run(10.0, 3, 1),), reference=True),
        Row("first sync", LONG, PLAIN, (Run(20.0, 2, 1),)),
    ]
    assert list(table(rows, 10**9).columns[4].cells) == ["1.00", "2.00"]
    assert list(table(rows, 10**9).columns[3].cells) == ["100", "50"]
