"""Downstreams that are lost, or take nothing for hours: told of once, and of their end once."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from appliance.lanes.requests import new_request
from appliance.notices import channels, conditions
from appliance.settings import load
from appliance.tree import deliver
from tests.unit.house import House, until
from tests.unit.notices.receiver import Receiver
from tests.unit.notices.telling import capsys_text, opened, state, synced, told


def test_a_downstream_is_lost_when_the_circuit_is_broken_and_back_when_it_answers(
    top: House, hook: Receiver, tmp_path: Path
) -> None:
    back = tmp_path / "back"
    top.answer("leaf", f"[ -e {back} ] && exit 0; echo 'No route to host' >&2; exit 255")

    async def play() -> None:
        async with opened(top) as controller:
            assert await synced(controller) == 0
            await until(lambda: told(hook))
            assert state(top) == "lost"
            assert len(top.told) == 4
            assert await synced(controller) == 0
            controller.push.revive("leaf")  # only somebody's guess
            await until(lambda: len(top.told) >= 5)
            await until(lambda: state(top) == "lost")
            assert len(told(hook)) == 1
            back.touch()
            controller.push.revive("leaf")
            await until(lambda: len(told(hook)) == 2)

    asyncio.run(play())
    assert told(hook) == [("leaf", "lost", "bad"), ("leaf", "lost", "ok")]


def test_who_answers_and_fails_is_not_lost(top: House, hook: Receiver) -> None:
    top.answer("leaf", f"[ $(wc -l <{top.log}) -lt 8 ] && exit 3; exit 255")

    async def play() -> None:
        async with opened(top) as controller:
            assert await synced(controller) == 0
            await until(lambda: told(hook))
            assert len(top.told) == 7 + 4

    asyncio.run(play())


def test_of_a_downstream_that_is_configured_no_more_nothing_is_told(top: House, hook: Receiver) -> None:
    top.answer("leaf", "exit 255")

    async def play() -> None:
        async with opened(top) as controller:
            assert await synced(controller) == 0
            await until(lambda: told(hook))
            top.downstreams = ""
            controller.reload(load(top.environ))
            await until(lambda: state(top) is None)
            [channel] = channels.of(controller.settings)
            await until(lambda: not known(top))
            assert not top.store.notices(channel.id)

    def known(house: House) -> list[Any]:
        with sqlite3.connect(house.places.store) as db:
            return db.execute("select * from notice").fetchall()

    asyncio.run(play())
    assert told(hook) == [("leaf", "lost", "bad")]


def test_of_a_downstream_that_goes_while_a_channel_is_being_told_nothing_more_is_told(
    top: House, hook: Receiver, capsys: pytest.CaptureFixture[str]
) -> None:
    top.answer("leaf", "exit 255")
    hook.gate.clear()

    async def play() -> None:
        async with opened(top) as controller:
            assert await synced(controller) == 0
            await until(lambda: told(hook))
            top.downstreams = ""
            controller.reload(load(top.environ))
            [channel] = channels.of(controller.settings)
            await until(lambda: not top.store.notices(channel.id))
            hook.gate.set()
            assert await controller.notices.test() == {channel.title: ""}  # what came of the other is known by then
            await until(lambda: "notified" in capsys_text(capsys, said))
            assert not top.store.notices(channel.id)

    said: list[str] = []
    asyncio.run(play())
    assert told(hook) == [("leaf", "lost", "bad")]


def test_who_answers_and_takes_nothing_for_hours_is_told_of_once(
    top: House, hook: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That it then falls silent is other news; and nothing was delivered by that."""
    monkeypatch.setattr(conditions, "UNDELIVERED", 0.3)
    monkeypatch.setattr(deliver, "LAST_RETRY", 0.05)
    deaf, back = tmp_path / "deaf", tmp_path / "back"
    top.answer("leaf", f"[ -e {back} ] && exit; [ -e {deaf} ] && exit 255; exit 3")

    async def play() -> None:
        async with opened(top) as controller:
            assert await synced(controller) == 0
            await until(lambda: told(hook))
            assert await synced(controller) == 0
            tried = len(top.told)
            await until(lambda: len(top.told) > tried + 2)
            deaf.touch()
            await until(lambda: len(told(hook)) == 2)
            back.touch()
            controller.push.revive("leaf")
            await until(lambda: len(told(hook)) == 4)

    asyncio.run(play())
    assert told(hook)[:2] == [("leaf", "undelivered", "bad"), ("leaf", "lost", "bad")]
    assert sorted(told(hook)[2:]) == [("leaf", "lost", "ok"), ("leaf", "undelivered", "ok")]
    assert "debian: for 0 hours: its sync failed with exit 3" in hook.came[0]["notices"][0]["reason"]


def test_a_downstream_is_lost_once_and_back_once_whatever_it_is_owed(
    house: House, hook: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deliver, "LOST_AFTER", 4)
    monkeypatch.setattr(deliver, "FIRST_RETRY", 0.05)
    house.record_ssh(monkeypatch)
    back = tmp_path / "back"
    house.downstreams = "below=ssh://m@below?push=all"
    house.extra |= {"MIRROR_ARCHIVES__OTHER__UPSTREAM": "none"}
    house.places.archive("other").mkdir()
    house.answer("below", f"[ -e {back} ] && exit 0; echo 'No route to host' >&2; exit 255")

    async def play() -> None:
        async with opened(house) as controller:
            assert await synced(controller) == 0
            controller.accept([new_request("other", "all", "cli", "somebody")])
            await until(lambda: [one.state for one in house.store.deliveries()] == ["lost"] * 2)
            await until(lambda: told(hook))
            tried = len(house.told)
            controller.push.revive("below")
            await until(lambda: len(house.told) > tried)
            assert await synced(controller) == 0  # everything is looked at again
            back.touch()
            controller.push.revive("below")
            await until(lambda: len(told(hook)) == 2)

    asyncio.run(play())
    assert told(hook) == [("below", "lost", "bad"), ("below", "lost", "ok")]
    assert "No route to host" in hook.came[0]["notices"][0]["reason"]
