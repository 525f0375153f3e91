from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from appliance.places import Places
from appliance.run import gone
from appliance.run.chronicle import Chronicle
from appliance.run.gone import Gone
from appliance.run.planning import Planning
from appliance.settings import load
from appliance.store import Store
from appliance.sync.plan import Plan


@pytest.fixture
def places(tmp_path: Path) -> Places:
    places = Places(tmp_path / "run", tmp_path / "state", tmp_path / "data")
    places.archive("debian").mkdir(parents=True)
    return places


@pytest.fixture
def store(places: Places) -> Iterator[Store]:
    store = Store(places.store)
    yield store
    store.close()


def names(count: int) -> tuple[str, ...]:
    return tuple(f"pool/{number:05}.deb" for number in range(count))


def plan(*paths: str) -> Plan:
    return Plan(delete=paths, upstream_files=1_000_000)


def test_others_are_served_while_much_is_taken_over(
    places: Places, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What goes and what comes back: between two slices everybody has his turn."""
    monkeypatch.setattr(gone, "SLICE", 50)
    seen: set[int] = set()

    async def look() -> None:
        while True:
            seen.add(len(store.doomed("debian")))
            await asyncio.sleep(0)

    async def scene() -> None:
        looking = asyncio.create_task(look())
        ours = Gone(places, store, Chronicle(places, "debian", "leaf"), "debian")
        for paths in (names(500), ()):
            seen.clear()
            await ours.judge(plan(*paths), allowed=True)
            await ours.doom()
            assert seen >= {*range(50, 500, 50)}
            assert store.doomed("debian") == set(paths)
        looking.cancel()

    asyncio.run(scene())


def test_others_are_served_while_much_is_read_and_forgotten(
    places: Places, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a plan and an audit are held against, and what has been gone for long: by slices, a turn between two."""
    monkeypatch.setattr(gone, "SLICE", 50)
    paths, left = names(500), [0]
    store.doom("debian", paths, 1)
    read, turn = store.next_doomed, [0]
    slices: list[tuple[int, int]] = []

    def reading(*facts: Any) -> list[tuple[str, float]]:
        rows = read(*facts)
        slices.append((turn[0], len(rows)))
        return rows

    async def look() -> None:
        while True:
            turn[0] += 1
            left.append(len(store.doomed("debian")))
            await asyncio.sleep(0)

    async def scene() -> None:
        looking = asyncio.create_task(look())
        settings = load({"MIRROR_NAME": "leaf", "MIRROR_ARCHIVES__DEBIAN__UPSTREAM": "rsync://hub/debian"})
        ours = Gone(places, store, Chronicle(places, "debian", "leaf"), "debian")
        assert await Planning(settings, places, store, "debian")._drift(plan(*paths)) == 0
        await ours.judge(plan(*paths), allowed=False)
        await ours.doom()
        await ours.prune(10)
        looking.cancel()

    monkeypatch.setattr(store, "next_doomed", reading)
    asyncio.run(scene())
    assert [rows for _, rows in slices] == [*[50] * 10, 0] * 3
    assert len(dict(slices)) == len(slices), "somebody else had his turn between two of them"
    assert set(left) >= {*range(0, 500, 50)}


def test_what_was_cut_short_is_taken_over_by_the_next_run(places: Places, store: Store) -> None:
    paths = names(2 * gone.SLICE)

    async def scene() -> None:
        ours = Gone(places, store, Chronicle(places, "debian", "leaf"), "debian")
        await ours.judge(plan(*paths), allowed=True)
        doing = asyncio.create_task(ours.doom())
        while not store.doomed("debian"):
            await asyncio.sleep(0)
        doing.cancel()
        await asyncio.gather(doing, return_exceptions=True)
        assert 0 < len(store.doomed("debian")) < len(paths)
        await ours.judge(plan(*paths), allowed=True)
        await ours.doom()
        assert store.doomed("debian") == set(paths)

    asyncio.run(scene())
