from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from appliance.sync import fetch
from appliance.sync.changes import Change, Changes
from appliance.sync.count import Count
from appliance.sync.fetch import Staging
from appliance.sync.flight import Flight
from appliance.sync.source import Source
from appliance.sync.transport import Transport
from tests.unit.upstream import daemon

SIZE, PART = 4_000_000, 2_500_000
NARROW = 1000


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
    for name in ("upstream", "tree"):
        (tmp_path / name).mkdir()
    Staging(tmp_path / "staging").prepare()
    (tmp_path / "upstream/image").write_bytes(os.urandom(SIZE))
    return (tmp_path / "upstream/image").read_bytes()


@pytest.mark.usefixtures("image")
def test_a_file_is_seen_growing(tmp_path: Path) -> None:
    with daemon(tmp_path, {"x": tmp_path / "upstream"}) as port:
        looks = asyncio.run(watched(tmp_path, port, Flight(Staging(tmp_path / "staging")), Count()))
    assert looks[0] == (0, 0)
    assert len({there for there, _ in looks}) > 5
    assert all(abs(there - travelled) < 5000 for there, travelled in looks)  # what travels is packed, and so some more


def test_a_part_is_there_at_once_and_only_the_rest_travels(tmp_path: Path, image: bytes) -> None:
    part = Staging(tmp_path / "staging").partial / "share/image"
    part.parent.mkdir(parents=True)
    part.write_bytes(image[:PART])
    count = Count()
    with daemon(tmp_path, {"x": tmp_path / "upstream"}) as port:
        looks = asyncio.run(watched(tmp_path, port, Flight(Staging(tmp_path / "staging")), count))
    assert looks[0] == (PART, 0)
    assert all(travelled <= (SIZE - PART) * 1.05 for _, travelled in looks)
    assert len({travelled for _, travelled in looks}) > 4
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
