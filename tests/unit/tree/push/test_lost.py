"""Downstreams that do not answer for long: tried rarely, and told as soon as they are back."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from appliance.container.keeper import _tell_of
from appliance.controller import Controller, new_request
from appliance.tree import deliver
from tests.unit.house import House, played, until
from tests.unit.tree.push.telling import hold, publish, states


def test_who_is_lost_is_tried_rarely_and_told_at_the_first_sign_of_life(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "push-mirror")
    monkeypatch.setattr(deliver, "LOST_AFTER", 3)
    back = tmp_path / "back"
    house.downstreams = "leaf=ssh://m@leaf live=ssh://m@live"
    house.answer("leaf", f"[ -e {back} ] && exit 0; echo 'No route to host' >&2; exit 255")

    async def scene(controller: Controller) -> None:
        await publish(controller)
        await until(lambda: states(house) == {"leaf": "lost", "live": "delivered"})
        tried = len([word for word in house.told if word.startswith("leaf")])
        assert tried == 1 + 3
        await publish(controller)
        await until(lambda: len([word for word in house.told if "stage2" in word]) == 2)
        assert states(house)["leaf"] == "lost"
        assert len([word for word in house.told if word.startswith("leaf")]) == tried
        told = house.store.delivery("leaf", "debian")
        assert told
        assert told.publication == 2
        assert told.next
        assert told.next > time.time() + deliver.RARELY / 2
        back.touch()
        controller.accept([new_request("debian", "stage1", "ssh", "leaf 192.0.2.1")])
        await until(lambda: states(house)["leaf"] == "delivered")

    played(house, scene)
    said = [message for message in caplog.messages if "downstream is" in message or message == "not delivered"]
    assert said == ["not delivered", "downstream is lost, it is tried rarely from now on", "downstream is back"]


@pytest.mark.parametrize("lost_after", [1, 9])
def test_a_sign_of_life_during_an_attempt_that_fails_is_not_lost(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lost_after: int
) -> None:
    """Its machine came up a moment after it was tried: it is tried again at once, lost before or not."""
    monkeypatch.setattr(deliver, "FIRST_RETRY", 600.0)
    monkeypatch.setattr(deliver, "LOST_AFTER", lost_after)
    house.downstreams = "leaf=ssh://m@leaf?push=all"
    hold(house, tmp_path / "gates")

    async def scene(controller: Controller) -> None:
        (tmp_path / "gates" / "1").write_text("255")
        await publish(controller)
        await until(lambda: states(house)["leaf"] == ("lost" if lost_after == 1 else "failing"))
        controller.push.revive("leaf")
        await until(lambda: len(house.told) == 2)
        controller.push.revive("leaf")
        (tmp_path / "gates" / "2").write_text("255")
        await until(lambda: len(house.told) == 3)
        (tmp_path / "gates" / "3").write_text("0")
        await until(lambda: states(house) == {"leaf": "delivered"})

    played(house, scene)


def test_who_was_lost_and_answers_while_something_new_is_published_is_told_of_that(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deliver, "LOST_AFTER", 1)
    house.downstreams = "leaf=ssh://m@leaf?push=all"
    hold(house, tmp_path / "gates")

    async def scene(controller: Controller) -> None:
        (tmp_path / "gates" / "1").write_text("255")
        await publish(controller)
        await until(lambda: states(house) == {"leaf": "lost"})
        controller.push.revive("leaf")
        await until(lambda: len(house.told) == 2)
        await publish(controller)
        for number in "23":
            (tmp_path / "gates" / number).write_text("0")
        await until(lambda: states(house) == {"leaf": "delivered"})
        assert len(house.told) == 3

    played(house, scene)


def test_who_is_lost_is_so_for_all_archives_and_tried_for_one_of_them(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "push-mirror")
    monkeypatch.setattr(deliver, "LOST_AFTER", 4)
    monkeypatch.setattr(deliver, "RARELY", 1)
    archives = [f"a{number}" for number in range(5)]
    back = tmp_path / "back"
    house.downstreams = f"leaf=ssh://m@leaf?push=all&archives={','.join(archives)}"
    house.extra |= {f"MIRROR_ARCHIVES__{name.upper()}__UPSTREAM": "none" for name in archives}
    house.answer("leaf", f"[ -e {back} ] && exit 0; echo 'No route to host' >&2; exit 255")

    async def scene(controller: Controller) -> None:
        for name in archives:
            house.places.archive(name).mkdir()
            controller.accept([new_request(name, "all", "cli", "mirrorctl")])
        await until(lambda: [told.state for told in house.store.deliveries()] == ["lost"] * 5)
        tried = len(house.told)
        assert tried <= 4 * 4 + 4
        began = time.monotonic()
        await until(lambda: len(house.told) >= tried + 3)
        # One by one, and not one for each archive; a pause is four fifths of a second at least.
        assert len(house.told) - tried <= 2 + (time.monotonic() - began) / 0.8
        back.touch()
        await until(lambda: [told.state for told in house.store.deliveries()] == ["delivered"] * 5)

    played(house, scene)
    said = [message for message in caplog.messages if "downstream is" in message]
    assert said == ["downstream is lost, it is tried rarely from now on", "downstream is back"]


def test_who_is_busy_for_long_is_not_lost(house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It answers. And one glitch does not make it so."""
    monkeypatch.setattr(deliver, "LOST_AFTER", 2)
    monkeypatch.setattr(deliver, "LAST_RETRY", 0.05)
    house.downstreams = "leaf=ssh://m@leaf?push=all"
    house.answer("leaf", f"[ -e {tmp_path}/glitch ] && {{ rm {tmp_path}/glitch; exit 255; }}; exit 1")

    async def scene(controller: Controller) -> None:
        await publish(controller)
        await until(lambda: len(house.told) >= 4)
        (tmp_path / "glitch").touch()
        await until(lambda: not (tmp_path / "glitch").exists())
        tried = len(house.told)
        await until(lambda: len(house.told) >= tried + 2)
        assert states(house)["leaf"] in ("failing", "pushing")

    played(house, scene)


def test_what_is_lost_stays_lost_across_a_restart_until_somebody_knows_better(house: House) -> None:
    house.downstreams = "leaf=ssh://m@leaf"

    async def lose(controller: Controller) -> None:
        await publish(controller)
        await until(lambda: states(house) == {"leaf": "delivered"})
        (told,) = house.store.deliveries()
        house.store.deliver(["leaf"], "debian", 2, "2026112102", 2)
        (told,) = house.store.deliveries()
        house.store.tell(told, "lost", "No route to host", time.time() + 600, 9, 9)

    async def scene(controller: Controller) -> None:
        await controller.push.first_round("debian")
        assert states(house) == {"leaf": "lost"}
        house.log.unlink()
        controller.tell_again("debian", "leaf")
        await until(lambda: states(house) == {"leaf": "delivered"})
        assert house.told == ["leaf sync:archive:debian sync:all"]

    played(house, lose)
    played(house, scene)


def test_a_clock_that_was_set_back_makes_no_lost_one_wait(house: House) -> None:
    """By days perhaps: what is due later than it ever is was put down by another clock."""
    house.downstreams = "leaf=ssh://m@leaf"
    house.store.deliver(["leaf"], "debian", 2, "2026112102", 2)
    (told,) = house.store.deliveries()
    house.store.tell(told, "lost", "No route to host", time.time() + 2 * 86400, 9, 9)

    async def scene(controller: Controller) -> None:
        await until(lambda: states(house) == {"leaf": "delivered"})

    played(house, scene)


def test_who_is_lost_and_fetches_is_told_at_once(house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the keeper overhears it and tells at the door; what other callers do wakes nobody."""
    monkeypatch.setattr(deliver, "LOST_AFTER", 1)
    house.downstreams = "leaf=ssh://m@127.0.0.1?push=all"
    house.answer("127.0.0.1", f"[ -e {tmp_path}/back ] && exit 0; exit 255")

    async def scene(controller: Controller) -> None:
        await publish(controller)
        await until(lambda: states(house) == {"leaf": "lost"})
        (tmp_path / "back").touch()
        for caller in (("", "192.0.2.1"), ("hub", "10.0.0.1")):
            await controller.push.fetched(*caller)
            assert waits(house)
        _tell_of(("", "127.0.0.1"), house.places.door)
        await until(lambda: states(house) == {"leaf": "delivered"})

    played(house, scene)


def waits(house: House) -> bool:
    """Whether the next attempt is not to come for long: who is hurried waits for nothing."""
    (told,) = house.store.deliveries()
    return told.next is not None and told.next > time.time() + 300


def test_what_our_own_trigger_makes_somebody_fetch_is_no_sign(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its sync fails behind that, and it would be told again without a pause, for ever."""
    monkeypatch.setattr(deliver, "FIRST_RETRY", 600.0)
    house.downstreams = "leaf=ssh://m@leaf?push=all"
    house.answer("leaf", "exit 4")

    async def scene(controller: Controller) -> None:
        await publish(controller)
        await until(lambda: states(house) == {"leaf": "failing"})
        await controller.push.fetched("leaf", "192.0.2.1")
        assert waits(house)

    played(house, scene)
