"""Delivered is what was seen: what a downstream says or shows that it carries."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from appliance.controller import Controller
from appliance.tree import deliver
from tests.unit.house import House, played, until
from tests.unit.tree.push.telling import publish, states


def test_who_says_what_it_carries_is_confirmed(house: House) -> None:
    house.downstreams = "leaf=ssh://m@leaf other=ssh://m@other"
    house.answer("leaf", "case $1 in *stage1) ;; *) echo serial 2999010101 ;; esac")

    async def scene(controller: Controller) -> None:
        await publish(controller)
        await until(lambda: set(states(house).values()) == {"delivered"})
        await until(lambda: house.store.deliveries("leaf")[0].is_confirmed)
        assert house.store.deliveries("other")[0].carries is None

    played(house, scene)


def test_who_answers_and_carries_something_older_is_told_again(house: House, tmp_path: Path) -> None:
    synced = tmp_path / "synced"
    house.downstreams = "leaf=ssh://m@leaf?push=all"
    house.answer("leaf", f"if [ -e {synced} ]; then echo serial 2999010101; else echo serial 1999010101; fi")

    async def scene(controller: Controller) -> None:
        await publish(controller)
        await until(lambda: len(house.told) >= 2)
        assert "still publishes serial 1999010101" in house.store.deliveries()[0].error
        synced.touch()
        await until(lambda: house.store.deliveries()[0].is_confirmed)
        await until(lambda: states(house) == {"leaf": "delivered"})

    played(house, scene)


@contextmanager
def served(directory: Path) -> Iterator[int]:
    handler = partial(SimpleHTTPRequestHandler, directory=str(directory))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


def test_what_a_stock_mirror_publishes_is_seen_by_its_users_way(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By HTTP: first nothing, then something old, then what it was told of."""
    monkeypatch.setattr(deliver, "LOOKS", (0.02,) * 3)
    trace = tmp_path / "www" / "debian" / "project" / "trace" / "master"
    trace.parent.mkdir(parents=True)
    with served(tmp_path / "www") as port:
        house.downstreams = f"leaf=ssh://m@leaf?push=all&site=http://127.0.0.1:{port}/*"

        async def scene(controller: Controller) -> None:
            await publish(controller)
            await until(lambda: "is not there" in house.store.deliveries()[0].error)
            assert states(house) == {"leaf": "delivered"}
            trace.write_text("Sat\nArchive serial: 1999010101\n")
            await publish(controller)
            await until(lambda: "still publishes" in house.store.deliveries()[0].error)
            fails = house.store.deliveries()[0]
            await until(lambda: house.store.deliveries()[0].attempts > fails.attempts + 1)
            assert house.store.deliveries()[0].failing == fails.failing is not None
            trace.write_text("Sat\nArchive serial: 2999010101\n")
            await until(lambda: house.store.deliveries()[0].is_confirmed)
            await until(lambda: states(house) == {"leaf": "delivered"})

        played(house, scene)
