from __future__ import annotations

import asyncio

import pytest

from appliance.settings import Downstream
from appliance.tree import callers
from appliance.tree.callers import Callers

LOST = (Downstream("leaf", "127.0.0.1"), Downstream("six", "::1"), Downstream("nowhere", "nowhere.invalid"))


@pytest.mark.parametrize(
    ("user", "address", "names"),
    [
        ("leaf", "192.0.2.1", ["leaf"]),
        ("", "127.0.0.1", ["leaf"]),
        ("somebody", "::ffff:127.0.0.1", ["leaf"]),
        ("", "0:0:0:0:0:0:0:1", ["six"]),
        ("nowhere", "127.0.0.1", ["leaf", "nowhere"]),
        ("", "192.0.2.1", []),
        ("", "no address", []),
    ],
)
def test_a_downstream_is_known_by_its_user_or_its_address(user: str, address: str, names: list[str]) -> None:
    assert asyncio.run(Callers().among(LOST, user, address)) == names


def test_who_comes_again_and_again_is_no_news(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scene() -> None:
        known = Callers()
        both = await asyncio.gather(*(known.among(LOST, "leaf", "192.0.2.1") for _ in range(2)))
        assert sorted(both) == [[], ["leaf"]]
        assert await known.among(LOST, "leaf", "192.0.2.1") == []
        assert await known.among(LOST, "six", "192.0.2.1") == ["six"]
        monkeypatch.setattr(callers, "SELDOM", 0.0)
        assert await known.among(LOST, "leaf", "192.0.2.1") == ["leaf"]

    asyncio.run(scene())
