from __future__ import annotations

import asyncio
import sqlite3

import pytest

from appliance import lasting


@pytest.mark.parametrize("error", [ZeroDivisionError(), OSError(5, "Input/output error"), sqlite3.OperationalError()])
def test_work_begins_anew_until_it_has_come_to_its_end(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lasting, "PAUSE", 0.01)
    monkeypatch.setattr(lasting, "VOLUME_PAUSE", 0.01)
    tries: list[int] = []

    async def work() -> None:
        tries.append(1)
        if len(tries) < 3:
            raise error

    asyncio.run(lasting.lasting("something", work))
    assert len(tries) == 3


def test_who_is_cancelled_is_not_kept() -> None:
    async def scene() -> None:
        working = asyncio.create_task(lasting.lasting("something", asyncio.Event().wait))
        await asyncio.sleep(0)
        working.cancel()
        with pytest.raises(asyncio.CancelledError):
            await working

    asyncio.run(scene())
