"""Channels hear of everything once: also across restarts, also after they were down."""

from __future__ import annotations

import asyncio

import pytest

from appliance.notices import channels, notices
from tests.unit.house import House, until
from tests.unit.notices.receiver import Receiver
from tests.unit.notices.telling import capsys_text, opened, spoil, synced, told
from tests.unit.upstream import DebianTree


def test_what_was_told_before_a_restart_is_not_told_again(house: House, origin: DebianTree, hook: Receiver) -> None:
    async def break_it() -> None:
        async with opened(house) as controller:
            assert await synced(controller) == 0
            origin.release("2026112102", hello="two")
            spoil(origin)
            assert await synced(controller) != 0
            # Who is ended between an answer and the note of it tells again: better twice than never.
            await until(lambda: house.store._all("select 1 from notice where told is not null"))

    async def go_on() -> None:
        async with opened(house) as controller:
            assert await synced(controller) != 0
            origin.release("2026112103", hello="three")
            assert await synced(controller) == 0
            await until(lambda: len(told(hook)) == 2)

    asyncio.run(break_it())
    asyncio.run(go_on())
    assert told(hook) == [("debian", "refused", "bad"), ("debian", "refused", "ok")]


def test_a_channel_that_was_down_hears_of_it_when_it_is_back(
    house: House,
    origin: DebianTree,
    hook: Receiver,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(notices, "FIRST_RETRY", 0.05)
    hook.status = 503

    async def play() -> None:
        async with opened(house) as controller:
            origin.release("2026112102", hello="two")
            spoil(origin)
            assert await synced(controller) != 0
            await until(lambda: hook.refused > 1)
            hook.status = 200
            await until(lambda: told(hook))

    asyncio.run(play())
    assert told(hook) == [("debian", "refused", "bad")]
    said = capsys.readouterr().out
    assert "status 503" in said
    assert "secret-path" not in said


def test_what_was_never_told_and_is_over_is_nobodys_business(
    house: House, origin: DebianTree, hook: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notices, "FIRST_RETRY", 3600.0)  # none is on its way when the channel is well again
    hook.status = 503

    async def play() -> None:
        async with opened(house) as controller:
            origin.release("2026112102", hello="two")
            spoil(origin)
            assert await synced(controller) != 0
            await until(lambda: hook.refused)
            origin.release("2026112103", hello="three")
            assert await synced(controller) == 0
            [channel] = channels.of(controller.settings)
            await until(lambda: not house.store.notices(channel.id))
            hook.status = 200
            assert await controller.notices.test() == {"the webhook at 127.0.0.1": ""}

    asyncio.run(play())
    assert told(hook) == []
    assert len(hook.came) == 1


def test_apprise_gets_title_reason_and_type_and_no_secret_is_shown(
    house: House, origin: DebianTree, hook: Receiver, capsys: pytest.CaptureFixture[str]
) -> None:
    house.extra = {"MIRROR_NOTIFY_URLS": f"json://127.0.0.1:{hook.port}/secret-path json://127.0.0.1:1/other-secret"}

    async def play() -> None:
        async with opened(house) as controller:
            origin.release("2026112102", hello="two")
            spoil(origin)
            assert await synced(controller) != 0
            await until(lambda: hook.came)
            await until(lambda: "not notified" in capsys_text(capsys, said))

    said: list[str] = []
    asyncio.run(play())
    assert hook.came[0]["title"] == "leaf: debian: update refused"
    assert hook.came[0]["type"] == "failure"
    assert "Packages" in hook.came[0]["message"]
    assert "secret" not in capsys_text(capsys, said)
