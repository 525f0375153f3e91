"""What is owed is delivered: across restarts, reloads, and a store that cannot be used for a while."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from appliance import ssh
from appliance.controller import Controller, new_request
from appliance.settings import load
from appliance.tree import bookkeeping, deliver
from tests.unit.filesystems import fill, small
from tests.unit.house import House, played, until
from tests.unit.tree.push.telling import publish, states


def test_a_reload_reaches_a_delivery_that_is_waiting(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deliver, "FIRST_RETRY", 600)
    house.downstreams = "leaf=ssh://m@wrong?push=all"
    house.answer("wrong", "echo 'No route to host' >&2; exit 255")

    async def scene(controller: Controller) -> None:
        await publish(controller)
        await until(lambda: states(house) == {"leaf": "failing"})
        house.downstreams = "leaf=ssh://m@right?push=all"
        controller.reload(load(house.environ))
        await until(lambda: states(house) == {"leaf": "delivered"})
        assert house.told[-1].startswith("right")

    played(house, scene)


def test_what_was_owed_before_a_restart_is_delivered_after_it(house: House, tmp_path: Path) -> None:
    house.downstreams = "leaf1=ssh://m@leaf1"
    house.store.deliver(["leaf1"], "debian", 3, "2026112103", 1)
    house.store.deliver(["forgotten"], "debian", 3, "2026112103", 1)

    async def scene(controller: Controller) -> None:
        await until(lambda: states(house) == {"leaf1": "delivered"})

    played(house, scene)


@pytest.mark.parametrize("code", [0, 255])
def test_a_full_state_volume_ends_no_delivery(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, code: int
) -> None:
    """It fills while somebody is being told; what came of it is noted when there is room, and he is told no more."""
    monkeypatch.setattr(bookkeeping, "STORE_PAUSE", 0.05)
    monkeypatch.setattr(deliver, "FIRST_RETRY", 0.05)
    gate = tmp_path / "gate"
    with small(tmp_path / "house" / "state", "size=4m"):
        house = House(tmp_path / "house", downstreams="leaf=ssh://m@leaf?push=all")
        house.record_ssh(monkeypatch)
        first = f"[ $(wc -l <{house.log}) = 1 ] || exit 0"
        house.answer("leaf", f"{first}; while [ ! -e {gate} ]; do sleep 0.02; done; exit {code}")

        async def scene(controller: Controller) -> None:
            await publish(controller)
            await until(lambda: states(house) == {"leaf": "pushing"})
            file = fill(house.places.state)
            gate.touch()
            await until(lambda: "telling waits for the store" in caplog.messages)
            await asyncio.sleep(0.3)
            assert states(house) == {"leaf": "pushing"}
            assert len(house.told) == 1
            controller.reload(load(house.environ))  # costs nobody anything
            controller.push.revive("leaf")
            file.unlink()
            await until(lambda: states(house) == {"leaf": "delivered"})
            assert len(house.told) == (1 if code == 0 else 2)

        played(house, scene)
        house.store.close()


def test_a_start_with_a_full_state_volume_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when it would forget somebody, and hurry another."""
    monkeypatch.setattr(bookkeeping, "STORE_PAUSE", 0.05)
    with small(tmp_path / "house" / "state", "size=4m"):
        house = House(tmp_path / "house", downstreams="leaf=ssh://m@leaf?push=all")
        house.record_ssh(monkeypatch)
        house.store.deliver(["leaf", "forgotten"], "debian", 3, "2026112103", 1)
        file = fill(house.places.state)

        async def scene(controller: Controller) -> None:
            await asyncio.sleep(0.3)
            assert (house.told, states(house)) == ([], {"forgotten": "pending", "leaf": "pending"})
            controller.reload(load(house.environ))
            file.unlink()
            await until(lambda: states(house)["leaf"] == "delivered")
            controller.reload(load(house.environ))
            assert states(house) == {"leaf": "delivered"}

        played(house, scene)
        house.store.close()


def test_a_store_that_cannot_be_written_ends_no_delivery(
    house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "push-mirror")
    monkeypatch.setattr(bookkeeping, "STORE_PAUSE", 0.05)
    house.downstreams = "leaf=ssh://m@leaf?push=all"
    limit = "create trigger full before update on delivery begin select raise(abort, 'database or disk is full'); end"

    async def scene(controller: Controller) -> None:
        with sqlite3.connect(house.places.store) as db:
            db.execute(limit)
        await publish(controller)
        await until(lambda: "telling waits for the store" in caplog.messages)
        assert states(house) == {"leaf": "pending"}
        with sqlite3.connect(house.places.store) as db:
            db.execute("drop trigger full")
        await until(lambda: states(house) == {"leaf": "delivered"})

    played(house, scene)


def test_a_store_that_cannot_be_read_ends_nothing(
    house: House, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither a start, nor a reload, nor the run that is about to publish."""
    monkeypatch.setattr(bookkeeping, "STORE_PAUSE", 0.05)
    house.downstreams = "leaf=ssh://m@leaf"

    async def scene(controller: Controller) -> None:
        with sqlite3.connect(house.places.store) as db:
            db.execute("alter table delivery rename to away")
        await until(lambda: "telling waits for the store" in caplog.messages)
        controller.push.take_over(controller.settings)
        await controller.push.stage1("debian")
        assert house.told == ["leaf sync:archive:debian sync:stage1"]
        assert "the store cannot be used, going on without" in caplog.messages
        with sqlite3.connect(house.places.store) as db:
            db.execute("alter table away rename to delivery")
        await publish(controller)
        await until(lambda: states(house) == {"leaf": "delivered"})

    played(house, scene)


def test_a_fault_of_ours_ends_no_delivery(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor does a moment without a file left to open."""
    house.downstreams = "leaf=ssh://m@leaf?push=all"
    client, faults = ssh.client, [OSError(24, "Too many open files"), ZeroDivisionError()]

    def fail(*words: Any, **more: Any) -> list[str]:
        if faults:
            raise faults.pop()
        return client(*words, **more)

    monkeypatch.setattr(ssh, "client", fail)

    async def scene(controller: Controller) -> None:
        await publish(controller)
        await until(lambda: states(house) == {"leaf": "delivered"})
        assert not faults

    played(house, scene)


def test_who_becomes_a_downstream_by_a_reload_is_told_what_is_published(house: House) -> None:
    house.downstreams = "leaf=ssh://m@leaf?push=all"

    async def scene(controller: Controller) -> None:
        await publish(controller)
        await until(lambda: states(house) == {"leaf": "delivered"})
        house.downstreams += " fresh=ssh://m@fresh?push=all"
        controller.reload(load(house.environ))
        await until(lambda: states(house) == {"leaf": "delivered", "fresh": "delivered"})
        assert len(house.told) == 2

    played(house, scene)


def test_who_answers_for_one_archive_is_told_of_the_others_at_once(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deliver, "FIRST_RETRY", 600.0)
    house.downstreams = "leaf=ssh://m@leaf?push=all"
    house.extra["MIRROR_ARCHIVES__OTHER__UPSTREAM"] = "none"
    house.places.archive("other").mkdir()
    house.answer("leaf", f"[ -e {tmp_path}/back ] && exit 0; exit 255")

    async def scene(controller: Controller) -> None:
        controller.accept([new_request("other", "all", "cli", "mirrorctl")])
        await publish(controller)
        await until(lambda: [told.state for told in house.store.deliveries()] == ["failing"] * 2)
        (tmp_path / "back").touch()
        await publish(controller)
        await until(lambda: [told.state for told in house.store.deliveries()] == ["delivered"] * 2)

    played(house, scene)
