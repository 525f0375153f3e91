"""What failed is tried again, and nothing else stops for it."""

from __future__ import annotations

import sqlite3
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from appliance import metrics, status
from appliance.commands import Verdict
from appliance.controller import Controller, new_request
from appliance.lanes import requests, retry
from appliance.lanes.retry import Pace
from tests.unit.house import House, ask, played, until
from tests.unit.upstream import DebianTree, tree


def test_an_upstream_that_is_gone_is_tried_again(house: House, origin: DebianTree, tmp_path: Path) -> None:
    origin.root.rename(tmp_path / "away")

    async def scene(controller: Controller) -> None:
        answer = await ask(controller)
        assert answer.code == 3
        assert answer.answer
        waiting = house.store.open_requests("debian")
        assert [one.source for one in waiting] == ["retry"]
        (tmp_path / "away").rename(origin.root)
        assert (await ask(controller)).code == 0
        assert house.store.open_requests("debian") == []

    played(house, scene)


def test_a_thousand_failures_are_no_reason_to_stop(house: House, origin: DebianTree, tmp_path: Path) -> None:
    origin.root.rename(tmp_path / "away")

    async def scene(controller: Controller) -> None:
        house.store._db.execute("insert into archive (name, failures) values ('debian', 5000)")
        assert (await ask(controller)).code == 3
        (retry,) = house.store.open_requests("debian")
        assert retry.due - time.time() <= 900 * 1.2

    played(house, scene)


def test_a_store_that_cannot_be_written_stops_nothing_else(
    house: House, origin: DebianTree, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin, full = house.store.begin, [True]

    def refuse(*facts: Any) -> int:
        if full:
            full.clear()
            raise sqlite3.OperationalError("database or disk is full")
        return begin(*facts)

    monkeypatch.setattr(house.store, "begin", refuse)
    monkeypatch.setattr("appliance.lasting.VOLUME_PAUSE", 0.05)

    async def scene(controller: Controller) -> None:
        assert (await ask(controller)).code == 0
        assert house.carried == tree(origin.root)

    played(house, scene)


def test_a_store_that_is_full_in_the_middle_of_a_run_has_it_tried_again(
    house: House, origin: DebianTree, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It took the request, and takes the end of the run: the trigger must not get lost between them."""
    monkeypatch.setitem(retry.PACES, Verdict.LOCAL, Pace(0.05, 0.05))
    limit = "create trigger full before insert on doomed begin select raise(abort, 'database or disk is full'); end"

    async def scene(controller: Controller) -> None:
        origin.write("pool/old.deb", b"old")
        assert (await ask(controller)).code == 0
        (origin.root / "pool/old.deb").unlink()
        with sqlite3.connect(house.places.store) as db:
            db.execute(limit)
        assert "disk is full" in str((await ask(controller)).answer)
        run = house.store.last_run("debian")
        assert run
        assert (run.result, run.cause) == ("error", "local")
        with sqlite3.connect(house.places.store) as db:
            db.execute("drop trigger full")
        await until(lambda: house.store.doomed("debian") == {"pool/old.deb"})

    played(house, scene)


def test_what_failed_says_why_and_when_it_is_tried_again(tmp_path: Path) -> None:
    house = House(tmp_path / "house", 9)  # discard: nobody listens

    async def scene(controller: Controller) -> None:
        assert (await ask(controller)).code == 3
        await until(lambda: house.store.open_requests("debian"))
        shown = status.picture(controller)["archives"]["debian"]
        assert (shown["state"], shown["cause"]) == ("failing", "network")
        # It counts from a moment behind the end.
        assert 12 <= shown["next_try_at"] - shown["last_run"]["ended_at"] <= 18 + 3
        house.store.add([new_request("debian", "stage1", "retry", "ourselves", due=shown["next_try_at"] + 60)])
        told = metrics.text(controller).decode()
        assert 'mirror_archive_trouble{archive="debian",cause="network"} 1.0' in told
        name = 'mirror_archive_next_try_timestamp_seconds{archive="debian"} '
        assert [float(line.removeprefix(name)) for line in told.splitlines() if line.startswith(name)] == [
            shown["next_try_at"]
        ]

    played(house, scene)
    house.store.close()


def test_a_retry_asks_for_all_that_was_asked_for() -> None:
    early, late = new_request("debian", "stage1", "ssh", "hub"), new_request("debian", "all", "cli", "me")
    plain = requests.again("debian", [early], 7.0)
    assert (plain.stage, plain.source, plain.due, plain.mhop, plain.code) == ("stage1", "retry", 7.0, False, None)
    for flag in ("mhop", "callback", "allow_deletes", "allow_rollback", "full"):
        more: Any = {flag: True}
        again = requests.again("debian", [early, replace(early, **more)], 7.0)
        assert getattr(again, flag)
        assert again.stage == "stage1"
    assert requests.again("debian", [early, late], 7.0).stage == "all"
