from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.places import Places
from appliance.served import hits
from appliance.served.hits import Answers, Hits


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return Places(run=tmp_path)


@pytest.fixture
def told(places: Places) -> Iterator[list[int]]:
    """This process in nginx's place; the signals it got."""
    places.nginx_pid.write_text(f"{os.getpid()}\n")
    got: list[int] = []
    before = signal.signal(signal.SIGUSR1, lambda number, _: got.append(number))
    yield got
    signal.signal(signal.SIGUSR1, before)


def look(seen: Hits) -> dict[tuple[str, str], Answers]:
    asyncio.run(seen.look())
    return seen.answers


def write(path: Path, text: str) -> None:
    with path.open("a") as file:
        file.write(text)


def test_lines_are_counted_once_and_whole(places: Places) -> None:
    seen = Hits(places)
    assert look(seen) == {}
    write(places.hits, "debian 200 1000 direct\ndebian 206 10 redirect\nsme 404 300 direct\n")
    write(places.hits, "half a line cut, by a full disk\ndebian 2")
    assert look(seen) == {("debian", "2xx"): Answers(2, 1010), ("sme", "4xx"): Answers(1, 300)}
    write(places.hits, "00 5 redirect\n")
    assert look(seen)["debian", "2xx"] == Answers(3, 1015)
    assert look(seen)["debian", "2xx"] == Answers(3, 1015)
    assert seen.instead == {"debian": 2}, "who had asked to be sent to a mirror"


def test_a_large_log_is_begun_anew_and_nothing_is_lost(
    places: Places, told: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hits, "LARGE", 100)
    seen, written = Hits(places), 0
    for round in range(1, 6):
        nginx = places.hits.open("a")  # as it was before the signal, and until nginx has heard it
        nginx.write("debian 200 1 direct\n" * 10)
        nginx.flush()
        look(seen)
        assert len(told) == round
        nginx.write("debian 200 1 direct\n" * 3)  # late
        nginx.close()
        written += 13
        assert look(seen)["debian", "2xx"] == Answers(written, written)
    assert sorted(path.name for path in places.run.iterdir()) == ["hits.before", "nginx.pid"]


def test_without_nginx_the_log_stays(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hits, "LARGE", 20)
    write(places.hits, "debian 200 1 direct\n")
    seen = Hits(places)
    assert look(seen) == look(seen) == {("debian", "2xx"): Answers(1, 1)}
    assert places.hits.exists()
