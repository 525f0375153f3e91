from __future__ import annotations

import asyncio
import os
import shutil
from pathlib import Path

import pytest

from appliance.sync import fetch
from appliance.sync.changes import Change, Changes
from appliance.sync.count import Count
from appliance.sync.flight import Flight
from appliance.sync.source import Source
from appliance.sync.staging import Staging
from appliance.sync.transport import Transport
from tests.unit.upstream import daemon

SIZE, PART = 4_000_000, 2_500_000
NARROW = 1000
TRIES = 5


async def watched(root: Path, port: int, flight: Flight, count: Count) -> list[tuple[int, int]]:
    """What is there and what travelled, again and again during one real fetch."""
    source = Source(Transport(f"rsync://127.0.0.1:{port}/x"), own_name="leaf", bwlimit=NARROW)
    changes = Changes.of([Change("image", SIZE, new=True)])
    fetching = asyncio.create_task(fetch.payload(source, Staging(root / "staging"), root / "tree", changes, count))
    looks = []
    while not fetching.done():
        there, travelled = flight.look()
        looks.append((count.bytes + there, count.fetched + travelled))
        await asyncio.sleep(0.02)
    await fetching
    return looks


@pytest.fixture
def image(tmp_path: Path) -> bytes:
    (tmp_path / "upstream").mkdir()
    (tmp_path / "upstream/image").write_bytes(os.urandom(SIZE))
    return (tmp_path / "upstream/image").read_bytes()


def fetched(tmp_path: Path, part: bytes = b"") -> tuple[list[tuple[int, int]], Count]:
    """What was seen of a fetch that begins with a part; of another one when a busy machine slept through that."""
    with daemon(tmp_path, {"x": tmp_path / "upstream"}) as port:
        for _ in range(TRIES):
            shutil.rmtree(tmp_path / "tree", ignore_errors=True)
            (tmp_path / "tree").mkdir()
            staging, count = Staging(tmp_path / "staging"), Count()
            staging.prepare()
            if part:
                (staging.partial / "share").mkdir(exist_ok=True)
                (staging.partial / "share/image").write_bytes(part)
            looks = asyncio.run(watched(tmp_path, port, Flight(staging), count))
            if len({travelled for _, travelled in looks}) > 5:
                return looks, count
    raise AssertionError("every fetch was over before it was seen")


@pytest.mark.usefixtures("image")
def test_a_file_is_seen_growing(tmp_path: Path) -> None:
    looks, _ = fetched(tmp_path)
    assert looks[0] == (0, 0)
    assert all(abs(there - travelled) < 5000 for there, travelled in looks)  # what travels is packed, and so some more


def test_a_part_is_there_at_once_and_only_the_rest_travels(tmp_path: Path, image: bytes) -> None:
    looks, count = fetched(tmp_path, image[:PART])
    assert looks[0] == (PART, 0)
    assert all(travelled <= (SIZE - PART) * 1.05 for _, travelled in looks)
    assert (count.bytes, (tmp_path / "tree/image").read_bytes()) == (SIZE, image)
    assert SIZE - PART <= count.fetched < (SIZE - PART) * 1.05


def test_a_part_made_anew_is_not_counted_twice(tmp_path: Path) -> None:
    staging = Staging(tmp_path)
    staging.prepare()
    (staging.partial / "share").mkdir()
    (staging.partial / "share/image").write_bytes(bytes(PART))
    flight = Flight(staging)
    seen = []
    for size in (0, PART - 10, PART + 10):
        (staging.temporary / ".image.Ab12Cd").write_bytes(bytes(size))
        seen.append(flight.look())
    assert seen == [(PART, 0), (PART, 0), (PART + 10, 10)]


def test_what_broke_off_in_this_run_travelled_in_it(tmp_path: Path) -> None:
    staging = Staging(tmp_path)
    staging.prepare()
    flight = Flight(staging)
    (staging.partial / "share").mkdir()
    (staging.partial / "share/image").write_bytes(bytes(PART))
    assert flight.look() == (PART, PART)
