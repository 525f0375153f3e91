from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from appliance import log
from appliance.controller import Controller
from appliance.lane import new_request
from appliance.notices import channels, notices
from tests.unit.house import House, until
from tests.unit.notices.receiver import Receiver, receiver
from tests.unit.upstream import DebianTree, daemon


@pytest.fixture
def hook() -> Iterator[Receiver]:
    with receiver() as here:
        yield here


@pytest.fixture
def origin(tmp_path: Path) -> DebianTree:
    archive = DebianTree(tmp_path / "origin")
    archive.release("2026112101", hello="one")
    return archive


@pytest.fixture
def house(tmp_path: Path, origin: DebianTree, hook: Receiver) -> Iterator[House]:
    with daemon(tmp_path, {"debian": origin.root}) as port:
        extra = {"MIRROR_NOTIFY_WEBHOOK": f"http://127.0.0.1:{hook.port}/secret-path"}
        house = House(tmp_path / "house", port, extra=extra)
        yield house
        house.store.close()


@asynccontextmanager
async def opened(house: House) -> AsyncIterator[Controller]:
    """Open, and logging as it would."""
    log.start("human", "info")
    async with house.open() as controller:
        yield controller


async def synced(controller: Controller) -> int | None:
    request = new_request("debian", "all", "cli", "somebody")
    controller.accept([request])
    async with asyncio.timeout(30):
        return (await controller.lanes["debian"].answer(request.id)).code


def told(hook: Receiver) -> list[tuple[str, str, str]]:
    return [(one["subject"], one["condition"], one["state"]) for body in hook.came for one in body["notices"]]


def spoil(origin: DebianTree) -> None:
    """An index that is not what its Release file says."""
    packages = next(origin.root.rglob("Packages"))
    packages.write_text(packages.read_text() + "\n")


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


def test_what_was_told_before_a_restart_is_not_told_again(house: House, origin: DebianTree, hook: Receiver) -> None:
    async def break_it() -> None:
        async with opened(house) as controller:
            assert await synced(controller) == 0
            origin.release("2026112102", hello="two")
            spoil(origin)
            assert await synced(controller) != 0
            await until(lambda: told(hook))

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
    monkeypatch.setattr(notices, "FIRST_RETRY", 0.05)
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


def capsys_text(capsys: pytest.CaptureFixture[str], said: list[str]) -> str:
    """Everything that was logged so far."""
    said.append(capsys.readouterr().out)
    return "".join(said)
