from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from appliance import log, status
from appliance.controller import Controller
from appliance.lanes.requests import new_request
from appliance.notices import channels, conditions, notices
from appliance.settings import load
from appliance.tree import deliver
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


async def synced(controller: Controller, stage: str = "all") -> int | None:
    request = new_request("debian", stage, "cli", "somebody")
    controller.accept([request])
    async with asyncio.timeout(60):
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


@pytest.fixture
def top(tmp_path: Path, hook: Receiver, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    """An origin with one downstream that is soon lost."""
    extra = {"MIRROR_NOTIFY_WEBHOOK": f"http://127.0.0.1:{hook.port}/secret-path"}
    house = House(tmp_path / "top", downstreams="leaf=ssh://m@leaf?push=all", extra=extra)
    house.record_ssh(monkeypatch)
    monkeypatch.setattr(deliver, "FIRST_RETRY", 0.01)
    monkeypatch.setattr(deliver, "LOST_AFTER", 4)
    yield house
    house.store.close()


def state(house: House) -> str | None:
    delivery = house.store.delivery("leaf", "debian")
    return delivery.state if delivery else None


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
