"""Who is told in which words, and who waits for whom."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from appliance.controller import Controller
from appliance.tree.connections import Connections
from tests.unit.house import House, played, until
from tests.unit.tree.push.telling import publish, states


def test_every_kind_is_told_in_its_words(house: House) -> None:
    house.downstreams = "a=ssh://m@a?push=all b=ssh://m@b?push=staged c=ssh://m@c/security?push=mhop"

    async def scene(controller: Controller) -> None:
        await publish(controller)
        await until(lambda: len(house.told) == 5)
        assert sorted(house.told) == [
            "a sync:archive:debian sync:all",
            "b sync:archive:debian sync:stage1",
            "b sync:archive:debian sync:stage2",
            "c sync:archive:security sync:mhop sync:stage1",
            "c sync:archive:security sync:mhop sync:stage2",
        ]
        await until(lambda: set(states(house).values()) == {"delivered"})

    played(house, scene)


def test_stage_2_waits_for_the_slowest_stage_1(house: House, tmp_path: Path) -> None:
    house.downstreams = "quick=ssh://m@quick slow=ssh://m@slow"
    gate = tmp_path / "gate"
    house.answer("slow", f'case "$1" in *stage1) while [ ! -e {gate} ]; do sleep 0.02; done ;; esac')

    async def scene(controller: Controller) -> None:
        publishing = asyncio.create_task(publish(controller))
        await until(lambda: len(house.told) == 2)
        await asyncio.sleep(0.2)
        assert [word for word in house.told if "stage2" in word] == []
        gate.touch()
        await publishing
        await until(lambda: len([word for word in house.told if "stage2" in word]) == 2)

    played(house, scene)


def test_the_push_timeout_ends_the_barrier_and_the_slow_one_is_told_later(house: House, tmp_path: Path) -> None:
    house.downstreams = "quick=ssh://m@quick slow=ssh://m@slow"
    house.extra["MIRROR_PUSH_TIMEOUT"] = "1"
    gate = tmp_path / "gate"
    house.answer("slow", f'case "$1" in *stage1) while [ ! -e {gate} ]; do sleep 0.02; done ;; esac')

    async def scene(controller: Controller) -> None:
        await publish(controller)
        await until(lambda: states(house) == {"quick": "delivered", "slow": "pushing"})
        gate.touch()
        await until(lambda: states(house)["slow"] == "delivered")
        assert house.told[-1] in ("slow sync:archive:debian sync:stage2", "slow sync:archive:debian sync:all")

    played(house, scene)


def test_one_dead_downstream_delays_nobody_and_is_told_when_it_is_back(house: House, tmp_path: Path) -> None:
    house.downstreams = "dead=ssh://m@dead live=ssh://m@live"
    back = tmp_path / "back"
    house.answer("dead", f"[ -e {back} ] && exit 0; echo 'No route to host' >&2; exit 255")

    async def scene(controller: Controller) -> None:
        started = time.monotonic()
        await publish(controller)
        await until(lambda: states(house) == {"dead": "failing", "live": "delivered"})
        assert time.monotonic() - started < 300, "the push timeout would be ten minutes"
        told = house.store.delivery("dead", "debian")
        assert told
        assert told.error == "not reachable: No route to host"
        back.touch()
        await until(lambda: states(house)["dead"] == "delivered")
        assert house.told[-1] == "dead sync:archive:debian sync:all"

    played(house, scene)


def test_who_falls_silent_in_the_middle_is_waited_for_no_longer(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the kernel knows it, which needs a packet filter to be seen: here it only says so."""
    house.downstreams = "mute=ssh://m@mute live=ssh://m@live"
    gate = tmp_path / "gate"
    house.answer("mute", f"while [ ! -e {gate} ]; do sleep 0.02; done")
    monkeypatch.setattr(Connections, "answers", lambda _, one: one.name != "mute")

    async def scene(controller: Controller) -> None:
        await publish(controller)
        await until(lambda: states(house) == {"mute": "pushing", "live": "delivered"})
        gate.touch()
        await until(lambda: states(house)["mute"] == "delivered")

    played(house, scene)


LIVE = ["live sync:archive:debian sync:stage1", "live sync:archive:debian sync:stage2"]


def test_who_could_not_be_reached_is_not_waited_for_again(house: House, tmp_path: Path) -> None:
    """More of them than may be told at a time."""
    dead = [f"dead{number}" for number in range(6)]
    house.extra["MIRROR_PUSH_CONCURRENCY"] = "4"
    house.downstreams = " ".join(f"{name}=ssh://m@{name}" for name in (*dead, "live"))
    hole = tmp_path / "hole"
    for name in dead:
        house.answer(name, f"while [ -e {hole} ]; do sleep 0.02; done; exit 255")

    async def scene(controller: Controller) -> None:
        await publish(controller)
        await until(lambda: states(house) == {**dict.fromkeys(dead, "failing"), "live": "delivered"})
        hole.touch()
        for _ in range(2):
            house.log.unlink()
            await publish(controller)
            await until(lambda: [word for word in house.told if word.startswith("live")] == LIVE)
        hole.unlink()

    played(house, scene)


def test_a_downstream_that_hangs_gets_one_stage_1_at_a_time(house: House, tmp_path: Path) -> None:
    house.downstreams = "slow=ssh://m@slow"
    house.extra["MIRROR_PUSH_TIMEOUT"] = "1"
    gate = tmp_path / "gate"
    house.answer("slow", f'case "$1" in *stage1) while [ ! -e {gate} ]; do sleep 0.02; done ;; esac')

    async def scene(controller: Controller) -> None:
        for _ in range(3):
            await publish(controller)
        gate.touch()
        await until(lambda: states(house) == {"slow": "delivered"})
        assert len([word for word in house.told if "stage1" in word]) == 1

    played(house, scene)


def test_who_knows_is_not_told_again_unless_asked(house: House) -> None:
    house.downstreams = "leaf1=ssh://m@leaf1?push=all leaf2=ssh://m@leaf2?push=all"

    async def scene(controller: Controller) -> None:
        await publish(controller)
        await until(lambda: set(states(house).values()) == {"delivered"})
        state = house.store.archive("debian")
        controller.push.spread("debian", state.publication, state.serial)
        assert controller.tell_again("debian", "leaf2") == ["leaf2"]
        await until(lambda: len(house.told) == 3)
        assert house.told[-1].startswith("leaf2")

    played(house, scene)
