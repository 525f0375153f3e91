"""Updates that are refused: told of once with the reason, and so is their end."""

from __future__ import annotations

import asyncio
from typing import Any

from appliance import status
from tests.unit.house import House, until
from tests.unit.notices.receiver import Receiver
from tests.unit.notices.telling import opened, spoil, synced, told
from tests.unit.upstream import DebianTree


def test_a_refused_update_is_told_once_with_reason_and_lines_and_so_is_its_end(
    house: House, origin: DebianTree, hook: Receiver
) -> None:
    async def play() -> None:
        async with opened(house) as controller:
            assert await synced(controller) == 0
            origin.release("2026112102", hello="two")
            spoil(origin)
            assert await synced(controller) != 0
            await until(lambda: told(hook))
            assert await synced(controller) != 0
            origin.release("2026112103", hello="three")
            assert await synced(controller) == 0
            await until(lambda: len(told(hook)) == 2)

    asyncio.run(play())
    assert told(hook) == [("debian", "refused", "bad"), ("debian", "refused", "ok")]
    first: dict[str, Any] = hook.came[0]["notices"][0]
    assert hook.came[0]["mirror"] == "leaf"
    assert "Packages" in first["reason"]
    assert any("run failed" in line for line in first["log"])


def test_neither_payload_nor_another_failure_says_that_a_refused_update_fits(
    house: House, origin: DebianTree, hook: Receiver
) -> None:
    async def play() -> None:
        async with opened(house) as controller:
            assert await synced(controller) == 0
            origin.release("2026112102", hello="two")
            spoil(origin)
            assert await synced(controller) != 0
            await until(lambda: told(hook))
            assert await synced(controller, "stage1") == 0
            shown = status.picture(controller)["archives"]["debian"]
            assert "Packages" in shown["error"]
            assert any("mirrorctl quarantine" in note for note in shown["notes"])
            origin.root.rename(origin.root.with_name("away"))
            assert await synced(controller) != 0
            origin.root.with_name("away").rename(origin.root)
            origin.release("2026112103", hello="three")
            assert await synced(controller) == 0
            await until(lambda: len(told(hook)) == 2)

    asyncio.run(play())
    assert told(hook) == [("debian", "refused", "bad"), ("debian", "refused", "ok")]
