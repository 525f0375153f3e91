from __future__ import annotations

import asyncio
import time

import pytest

from appliance.tree import rounds
from appliance.tree.rounds import Found, Rounds
from tests.unit.house import until


def test_pauses_grow_with_what_is_missing() -> None:
    async def play() -> None:
        async def look(key: tuple[str, str]) -> Found:
            return Found()

        going = Rounds(look)
        assert [going.pause(turn, 5.0) for turn in range(6)] == [1, 2, 4, 5, 5, 5]
        assert 36 <= going.pause(0, None) <= 54, "who goes back is seen within a minute"
        assert 2 * 36 * 0.8 <= going.pause(9, 2 * 3600.0) <= 2 * 36 * 1.2
        going.keep([("m", str(n)) for n in range(500)])
        assert (going.pause(0, 1.0), going.pause(9, 1.0)) == (1, 20)
        assert 36 <= going.pause(0, None) <= 54
        going.keep([("m", str(n)) for n in range(3000)])
        assert 160 <= going.pause(0, None) <= 240
        await going.end()

    asyncio.run(play())


def test_who_is_well_is_looked_at_again_on_news(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rounds, "FIRST", 0.0)
    for pause in ("QUICK", "STEADY"):  # who is faulty is not looked at again by himself
        monkeypatch.setattr(rounds, pause, 3600.0)
    looks: list[str] = []

    async def look(key: tuple[str, str]) -> Found:
        looks.append(key[0])
        if key[0] == "faulty":
            raise RuntimeError("a fault of ours")
        return Found()

    async def play() -> None:
        going = Rounds(look)
        going.keep([("a", "debian"), ("b", "debian"), ("faulty", "debian")])
        await until(lambda: len(looks) == 3)
        going.hurry([("b", "debian"), ("faulty", "debian"), ("unknown", "debian")])
        await until(lambda: len(looks) == 5)
        going.keep([("a", "debian")])
        going.hurry([("a", "debian"), ("b", "debian")])
        await until(lambda: len(looks) == 6)
        await going.end()
        assert (sorted(looks[:3]), sorted(looks[3:5]), looks[5:]) == (["a", "b", "faulty"], ["b", "faulty"], ["a"])

    asyncio.run(play())


def test_those_who_do_not_answer_delay_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rounds, "FIRST", 0.0)
    looked: dict[str, float] = {}
    mute = asyncio.Event()

    async def look(key: tuple[str, str]) -> Found:
        if key[0] == "mute" and looked.get("mute 0"):
            await mute.wait()
        looked[" ".join(key)] = time.monotonic()
        return Found(0.0 if key[0] == "mute" else None, answered=key[0] != "mute")

    async def play() -> None:
        going = Rounds(look)
        silent = [("mute", str(n)) for n in range(2 * rounds.PLACES)]
        live = [("live", str(n)) for n in range(200)]
        going.keep(silent[:1])
        await until(lambda: "mute 0" in looked)
        going.hurry(silent[:1])  # it hangs in a place among its like from now on
        going.keep([*silent[:1], *live])
        await until(lambda: len([name for name in looked if name.startswith("live")]) == 200)
        await going.end()

    asyncio.run(play())
