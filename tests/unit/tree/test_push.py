from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from appliance.commands import Outcome
from appliance.controller import Controller, new_request
from appliance.settings import load
from appliance.tree import bookkeeping, deliver, tell
from tests.unit.filesystems import fill, small
from tests.unit.house import House, until


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> House:
    house = House(tmp_path / "house")
    house.record_ssh(monkeypatch)
    monkeypatch.setattr(deliver, "FIRST_RETRY", 0.05)
    return house


def played(house: House, scene: Callable[[Controller], Awaitable[None]]) -> None:
    async def play() -> None:
        async with house.open() as controller:
            await scene(controller)

    asyncio.run(play())
    house.store.close()


async def publish(controller: Controller) -> None:
    request = new_request("debian", "all", "cli", "mirrorctl")
    controller.accept([request])
    async with asyncio.timeout(20):
        await controller.lanes["debian"].answer(request.id)


def states(house: House) -> dict[str, str]:
    return {told.downstream: told.state for told in house.store.deliveries()}


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
        assert time.monotonic() - started < 15
        told = house.store.delivery("dead", "debian")
        assert told
        assert told.error == "not reachable: No route to host"
        back.touch()
        await until(lambda: states(house)["dead"] == "delivered")
        assert house.told[-1] == "dead sync:archive:debian sync:all"

    played(house, scene)


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


LIVE = ["live sync:archive:debian sync:stage1", "live sync:archive:debian sync:stage2"]


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


def test_a_reload_reaches_a_delivery_that_is_waiting(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deliver, "FIRST_RETRY", 600)
    house.downstreams = "leaf=ssh://m@wrong?push=all"
    house.answer("wrong", "echo 'No route to host' >&2; exit 255")

    async def scene(controller: Controller) -> None:
        await publish(controller)
        await until(lambda: states(house) == {"leaf": "failing"})
        house.downstreams = "leaf=ssh://m@right?push=all"
        controller.reload(load(house.environ))
        await until(lambda: states(house) == {"leaf": "delivered"})
        assert house.told[-1].startswith("right")

    played(house, scene)


def test_what_was_owed_before_a_restart_is_delivered_after_it(house: House, tmp_path: Path) -> None:
    house.downstreams = "leaf1=ssh://m@leaf1"
    house.store.deliver(["leaf1"], "debian", 3, "2026112103", 1)
    house.store.deliver(["forgotten"], "debian", 3, "2026112103", 1)

    async def scene(controller: Controller) -> None:
        await until(lambda: states(house) == {"leaf1": "delivered"})

    played(house, scene)


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


def hold(house: House, gates: Path) -> None:
    """The downstream "leaf" lets each attempt wait for a file of its number, which says how that ends."""
    gates.mkdir()
    number = f"{gates}/$(wc -l <{house.log})"
    house.answer("leaf", f"while [ ! -s {number} ]; do sleep 0.01; done; exit $(cat {number})")


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
        await asyncio.sleep(3)
        assert 1 <= len(house.told) - tried <= 5  # one by one, and not one for each archive
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


@pytest.mark.parametrize("code", [0, 255])
def test_a_full_state_volume_ends_no_delivery(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, code: int
) -> None:
    """It fills while somebody is being told; what came of it is noted when there is room, and he is told no more."""
    monkeypatch.setattr(bookkeeping, "STORE_PAUSE", 0.05)
    monkeypatch.setattr(deliver, "FIRST_RETRY", 0.05)
    gate = tmp_path / "gate"
    with small(tmp_path / "house" / "state", "size=4m"):
        house = House(tmp_path / "house", downstreams="leaf=ssh://m@leaf?push=all")
        house.record_ssh(monkeypatch)
        first = f"[ $(wc -l <{house.log}) = 1 ] || exit 0"
        house.answer("leaf", f"{first}; while [ ! -e {gate} ]; do sleep 0.02; done; exit {code}")

        async def scene(controller: Controller) -> None:
            await publish(controller)
            await until(lambda: states(house) == {"leaf": "pushing"})
            file = fill(house.places.state)
            gate.touch()
            await until(lambda: "telling waits for the store" in caplog.messages)
            await asyncio.sleep(0.3)
            assert states(house) == {"leaf": "pushing"}
            assert len(house.told) == 1
            controller.reload(load(house.environ))  # costs nobody anything
            controller.push.revive("leaf")
            file.unlink()
            await until(lambda: states(house) == {"leaf": "delivered"})
            assert len(house.told) == (1 if code == 0 else 2)

        played(house, scene)


def test_a_start_with_a_full_state_volume_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when it would forget somebody, and hurry another."""
    monkeypatch.setattr(bookkeeping, "STORE_PAUSE", 0.05)
    with small(tmp_path / "house" / "state", "size=4m"):
        house = House(tmp_path / "house", downstreams="leaf=ssh://m@leaf?push=all")
        house.record_ssh(monkeypatch)
        house.store.deliver(["leaf", "forgotten"], "debian", 3, "2026112103", 1)
        file = fill(house.places.state)

        async def scene(controller: Controller) -> None:
            await asyncio.sleep(0.3)
            assert (house.told, states(house)) == ([], {"forgotten": "pending", "leaf": "pending"})
            controller.reload(load(house.environ))
            file.unlink()
            await until(lambda: states(house)["leaf"] == "delivered")
            controller.reload(load(house.environ))
            assert states(house) == {"leaf": "delivered"}

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

    async def play() -> None:
        for part in (lose, scene):
            async with house.open() as controller:
                await part(controller)

    asyncio.run(play())
    house.store.close()


def test_a_store_that_cannot_be_written_ends_no_delivery(
    house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "push-mirror")
    monkeypatch.setattr(bookkeeping, "STORE_PAUSE", 0.05)
    house.downstreams = "leaf=ssh://m@leaf?push=all"
    limit = "create trigger full before update on delivery begin select raise(abort, 'database or disk is full'); end"

    async def scene(controller: Controller) -> None:
        with sqlite3.connect(house.places.store) as db:
            db.execute(limit)
        await publish(controller)
        await until(lambda: "telling waits for the store" in caplog.messages)
        assert states(house) == {"leaf": "pending"}
        with sqlite3.connect(house.places.store) as db:
            db.execute("drop trigger full")
        await until(lambda: states(house) == {"leaf": "delivered"})

    played(house, scene)


def test_a_store_that_cannot_be_read_ends_nothing(
    house: House, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither a start, nor a reload, nor the run that is about to publish."""
    monkeypatch.setattr(bookkeeping, "STORE_PAUSE", 0.05)
    house.downstreams = "leaf=ssh://m@leaf"

    async def scene(controller: Controller) -> None:
        with sqlite3.connect(house.places.store) as db:
            db.execute("alter table delivery rename to away")
        await until(lambda: "telling waits for the store" in caplog.messages)
        controller.push.take_over(controller.settings)
        await controller.push.stage1("debian")
        assert house.told == ["leaf sync:archive:debian sync:stage1"]
        assert "the store cannot be used, going on without" in caplog.messages
        with sqlite3.connect(house.places.store) as db:
            db.execute("alter table away rename to delivery")
        await publish(controller)
        await until(lambda: states(house) == {"leaf": "delivered"})

    played(house, scene)


def test_who_says_what_it_carries_is_confirmed(house: House) -> None:
    house.downstreams = "leaf=ssh://m@leaf other=ssh://m@other"
    house.answer("leaf", "case $1 in *stage1) ;; *) echo serial 2999010101 ;; esac")

    async def scene(controller: Controller) -> None:
        await publish(controller)
        await until(lambda: set(states(house).values()) == {"delivered"})
        await until(lambda: house.store.deliveries("leaf")[0].is_confirmed)
        assert house.store.deliveries("other")[0].carries is None

    played(house, scene)


def test_who_answers_and_carries_something_older_is_told_again(house: House, tmp_path: Path) -> None:
    synced = tmp_path / "synced"
    house.downstreams = "leaf=ssh://m@leaf?push=all"
    house.answer("leaf", f"if [ -e {synced} ]; then echo serial 2999010101; else echo serial 1999010101; fi")

    async def scene(controller: Controller) -> None:
        await publish(controller)
        await until(lambda: len(house.told) >= 2)
        assert "still publishes serial 1999010101" in house.store.deliveries()[0].error
        synced.touch()
        await until(lambda: house.store.deliveries()[0].is_confirmed)
        await until(lambda: states(house) == {"leaf": "delivered"})

    played(house, scene)


def test_what_a_stock_mirror_publishes_is_seen_by_its_users_way(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By HTTP: first nothing, then something old, then what it was told of."""
    monkeypatch.setattr(deliver, "LOOKS", (0.02,) * 3)
    trace = tmp_path / "www" / "debian" / "project" / "trace" / "master"
    trace.parent.mkdir(parents=True)
    with served(tmp_path / "www") as port:
        house.downstreams = f"leaf=ssh://m@leaf?push=all&site=http://127.0.0.1:{port}/*"

        async def scene(controller: Controller) -> None:
            await publish(controller)
            await until(lambda: "is not there" in house.store.deliveries()[0].error)
            assert states(house) == {"leaf": "delivered"}
            trace.write_text("Sat\nArchive serial: 1999010101\n")
            await publish(controller)
            await until(lambda: "still publishes" in house.store.deliveries()[0].error)
            fails = house.store.deliveries()[0]
            await until(lambda: house.store.deliveries()[0].attempts > fails.attempts + 1)
            assert house.store.deliveries()[0].failing == fails.failing is not None
            trace.write_text("Sat\nArchive serial: 2999010101\n")
            await until(lambda: house.store.deliveries()[0].is_confirmed)
            await until(lambda: states(house) == {"leaf": "delivered"})

        played(house, scene)


@contextmanager
def served(directory: Path) -> Iterator[int]:
    handler = partial(SimpleHTTPRequestHandler, directory=str(directory))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


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


@pytest.mark.parametrize(
    ("code", "stderr", "words"),
    [
        (255, "No ED25519 host key is known for [leaf]:2222\nHost key verification failed.", "not known here; put"),
        (255, "Host key for leaf has changed and you have requested strict checking.", "has changed; ask"),
        (255, "Connection timed out during banner exchange", "never says a word"),
        (255, "mirror@leaf: Permission denied (publickey).", "mirrorctl keys"),
        (255, "ssh: connect to host leaf port 22: Connection refused", "not reachable: ssh: connect"),
        (255, "", "broke off"),
        (0, "a banner", ""),
        (124, "", "no end after 5 s"),
        (78, "no archive 'x'", "does not carry"),
        (1, "lock file still exists", "busy"),
        (4, "", "its sync failed with exit 4"),
    ],
)
def test_reason(code: int, stderr: str, words: str) -> None:
    assert words in tell.reason(Outcome(("ssh",), code, "", stderr, 5))
