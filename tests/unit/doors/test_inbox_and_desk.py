"""Both ends of the inbox: what a forced command leaves, and what the controller makes of it."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
from contextlib import ExitStack
from pathlib import Path

import pytest

from appliance import words
from appliance.controller import Controller, new_request
from appliance.doors import desk, inbox, ssh
from appliance.doors.desk import Desk
from appliance.doors.ssh import Refusal, choose
from appliance.settings import load
from tests.unit.house import House, until


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> House:
    house = House(tmp_path / "house")
    monkeypatch.setattr(inbox, "STATE", str(house.places.inbox))
    monkeypatch.setattr(inbox, "DOOR", str(house.places.door))
    monkeypatch.setattr(ssh, "AUTHORIZED", str(house.places.authorized_keys))
    house.places.authorized_keys.write_text(
        'restrict,command="exec mirror-trigger hub debian 0",from="*" ssh-ed25519 A\n'
    )
    return house


def trigger(command: str, **more: str) -> int:
    environ = {"SSH_ORIGINAL_COMMAND": command, "SSH_CONNECTION": "10.0.0.1 2", **more}
    return ssh.main(["mirror-trigger", "hub", "debian", "0"], environ)


def served(house: House, command: str, **more: str) -> int:
    """Trigger while a controller works."""

    async def play() -> int:
        async with house.open():
            return await asyncio.to_thread(trigger, command, **more)

    return asyncio.run(play())


def test_a_trigger_is_served_and_leaves_nothing_behind(house: House) -> None:
    assert served(house, " sync:archive:debian sync:all") == 0
    assert house.store.count_runs("debian") == 1
    assert list(house.places.inbox.iterdir()) == []
    last = house.store.last_run("debian")
    assert last
    assert last.trigger == "ssh"


@pytest.mark.parametrize("line", ["", "mirror-trigger hub debian 1", "mirror-trigger hub debian,other 0"])
def test_a_connection_whose_key_line_has_changed_is_ended_behind_the_answer(
    house: House, tmp_path: Path, line: str
) -> None:
    house.places.authorized_keys.write_text(f'restrict,command="exec {line}",from="*" ssh-ed25519 A\n' if line else "")
    assert connected(house, tmp_path, "sshd-session") == -signal.SIGTERM
    assert list(house.places.inbox.iterdir()) == []


def test_who_is_no_connection_is_not_ended(house: House, tmp_path: Path) -> None:
    """The client hung up, and the door's parent is whoever takes orphans: the container's first process."""
    house.places.authorized_keys.write_text("")
    assert connected(house, tmp_path, "tini") == 0


def connected(house: House, tmp_path: Path, name: str) -> int:
    """How a connection called ``name`` ends over which a trigger comes whose key's line has changed."""
    os.mkfifo(tmp_path / "said")
    connection = subprocess.Popen(
        [sys.executable, "-c", CONNECTION, tmp_path / "said", house.places.authorized_keys, DOOR, name],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    said, _ = connection.communicate(timeout=120)
    assert said == f"{words.TEMPORARY} {words.CONNECT_AGAIN}\n"
    return connection.returncode


DOOR = """
import sys, types
from appliance.doors import ssh
said, ssh.AUTHORIZED = sys.argv[1:]
ssh.time = types.SimpleNamespace(sleep=lambda seconds: seconds > 0 and open(said).read())
sys.exit(ssh.main(["mirror-trigger", "hub", "debian", "0"], {"SSH_ORIGINAL_COMMAND": "sync:all"}))
"""

CONNECTION = """
import os, subprocess, sys, time
said, authorized, door, name = sys.argv[1:]
open("/proc/self/comm", "w").write(name)
done = subprocess.run([sys.executable, "-c", door, said, authorized], stderr=subprocess.PIPE, text=True)
print(done.returncode, done.stderr.strip(), flush=True)
for _ in range(9000 if name.startswith("sshd") else 100):
    time.sleep(0.01)
    try:  # somebody reads there who is about to end us
        os.close(os.open(said, os.O_WRONLY | os.O_NONBLOCK))
    except OSError:
        continue
    time.sleep(90)
"""
"""In sshd's place: what the door says has come to its end before the connection ends.

The pause between the two, which a busy machine may need for more, lasts until that was said.
"""


def test_a_request_is_whole_in_the_inbox_before_anybody_answers(house: House) -> None:
    id = inbox.leave(str(house.places.inbox), "debian", "stage1", "ssh", "hub 10.0.0.1", mhop=True)
    fields = inbox.read((house.places.inbox / id).read_text())
    assert (fields["archive"], fields["stage"], fields["mhop"], fields["by"]) == (
        "debian",
        "stage1",
        "1",
        "hub 10.0.0.1",
    )


def test_a_request_of_which_a_part_fits_is_not_accepted(house: House) -> None:
    program = (
        "import resource, sys\n"
        "from appliance.doors import inbox\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (40, 40))\n"
        "inbox.leave(sys.argv[1], 'debian', 'all', 'ssh', 'hub')\n"
    )
    argv = [sys.executable, "-c", program, str(house.places.inbox)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert "OSError: [Errno 27]" in done.stderr
    assert not list(house.places.inbox.iterdir())


def test_a_trigger_while_the_controller_is_away_waits_for_it(house: House) -> None:
    codes: list[int] = []
    waiting = threading.Thread(target=lambda: codes.append(trigger("sync:all")))
    waiting.start()

    async def play() -> None:
        async with asyncio.timeout(60):
            while not list(house.places.inbox.iterdir()):
                await asyncio.sleep(0.01)
            async with house.open():
                await asyncio.to_thread(waiting.join)

    asyncio.run(play())
    assert codes == [0]


def test_an_answer_can_be_asked_for_again(house: House) -> None:
    id = inbox.leave(str(house.places.inbox), "debian", "all", "ssh", "hub")

    async def play() -> list[tuple[int, str]]:
        async with house.open():
            return [await asyncio.to_thread(inbox.wait, str(house.places.door), id, 60) for _ in range(2)]

    first, second = asyncio.run(play())
    assert first == second == (0, f"serial {house.store.archive('debian').serial} http://leaf/debian")


def test_who_waits_for_an_archive_that_is_there_no_more_is_told_so(house: House) -> None:
    """What was accepted by an earlier life is not done, however often he asks."""
    request = new_request("other", "all", "ssh", "hub")
    house.store.add([request])

    async def play() -> tuple[int, str]:
        async with house.open():
            return await asyncio.to_thread(inbox.wait, inbox.DOOR, request.id, 60)

    assert asyncio.run(play()) == (words.UNKNOWN_ARCHIVE, "no such archive")


def test_what_is_no_request_is_dropped(house: House) -> None:
    for name, text in (("1", ""), ("2", "archive x\n"), ("3", "\0\xff"), ("4", "a b\n" * 6)):
        (house.places.inbox / name).write_text(text)
    controller = Controller(load(house.environ), house.places, house.store)
    Desk(controller).collect()
    assert list(house.places.inbox.iterdir()) == []
    assert house.store.open_requests("debian") == []


def test_a_request_that_cannot_be_read_now_is_kept(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    id = inbox.leave(str(house.places.inbox), "debian", "all", "ssh", "hub")
    ours = Desk(Controller(load(house.environ), house.places, house.store))
    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_text", lambda *_: (_ for _ in ()).throw(OSError(24, "Too many open files")))
        ours.collect()
    assert house.store.request(id) is None
    ours.collect()
    assert house.store.request(id)


def test_a_request_that_the_store_cannot_take_stays_in_the_inbox(house: House) -> None:
    id = inbox.leave(str(house.places.inbox), "debian", "all", "ssh", "hub")
    ours = Desk(Controller(load(house.environ), house.places, house.store))
    with sqlite3.connect(house.places.store) as db:
        db.execute("create trigger full before insert on request begin select raise(abort, 'full'); end")
    with pytest.raises(sqlite3.Error):
        ours.collect()
    assert [file.name for file in house.places.inbox.iterdir()] == [id]


def test_a_long_answer_arrives(house: House) -> None:
    async def play() -> tuple[int, str]:
        async with house.open() as controller:
            request = new_request("debian", "all", "ssh", "hub")
            house.store.add([request])
            await controller.lanes["debian"]._answers.settle([request], 4, "why " * 5000)
            return await asyncio.to_thread(inbox.wait, str(house.places.door), request.id, 60)

    code, text = asyncio.run(play())
    assert code == 4
    assert text.startswith("why why")
    assert len(text) <= 1000


def test_who_knocked_too_early_is_heard_all_the_same(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    start = asyncio.start_unix_server

    async def late(*words: object, **more: object) -> object:
        inbox.leave(str(house.places.inbox), "debian", "all", "cli", "mirrorctl")
        return await start(*words, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(asyncio, "start_unix_server", late)

    async def play() -> None:
        async with house.open():
            await until(lambda: house.store.archive("debian").publication)

    asyncio.run(play())


def test_a_request_whose_knock_was_lost_is_found(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """So many were at the door that one more was turned away."""
    monkeypatch.setattr(desk, "EVERY", 0.05)

    async def play() -> None:
        async with house.open():
            await until(lambda: house.places.door.exists())
            for _ in range(2):
                id = inbox.leave(str(house.places.inbox), "debian", "all", "ssh", "hub")
                await until(lambda id=id: house.store.request(id))  # type: ignore[misc]

    asyncio.run(play())


def test_looks_go_on_behind_a_fault_of_our_own(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whose knock is lost would wait for ever, though his request was accepted."""
    collect, faults = Desk.collect, iter([RuntimeError("nobody thought of this")])

    def look(self: Desk) -> None:
        if any(house.places.inbox.iterdir()) and (fault := next(faults, None)):
            raise fault
        collect(self)

    monkeypatch.setattr(Desk, "collect", look)
    monkeypatch.setattr(desk, "EVERY", 0.05)
    monkeypatch.setattr("appliance.lasting.PAUSE", 0.05)

    async def play() -> None:
        async with house.open():
            id = inbox.leave(str(house.places.inbox), "debian", "all", "ssh", "hub")
            await until(lambda: house.store.request(id))

    asyncio.run(play())


def test_a_half_written_request_is_left_alone(house: House) -> None:
    (house.places.inbox / ".half").write_text("archive")
    Desk(Controller(load(house.environ), house.places, house.store)).collect()
    assert (house.places.inbox / ".half").exists()


@pytest.mark.parametrize("is_full", [False, True])
def test_nobody_waits_for_a_controller_that_hangs_longer_than_he_wants(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_full: bool
) -> None:
    """It takes no connection, or says nothing to those it has: a knock passes, and a wait has its end."""
    monkeypatch.setattr(inbox, "_PATIENCE", 0.2)
    door = str(tmp_path / "door")
    with socket.socket(socket.AF_UNIX) as hanging, ExitStack() as crowd:
        hanging.bind(door)
        hanging.listen(0)
        while is_full:
            one = crowd.enter_context(socket.socket(socket.AF_UNIX))
            one.setblocking(False)
            is_full = one.connect_ex(door) == 0
        inbox.knock(door, "1")
        with pytest.raises(TimeoutError):
            inbox.wait(door, "1", 0.3)


def test_a_question_that_the_store_cannot_answer_is_asked_again(
    house: House, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer, asked = Desk._answer, []

    async def count(desk: Desk, id: str, reader: asyncio.StreamReader) -> tuple[int, str]:
        asked.append(id)
        return await answer(desk, id, reader)

    monkeypatch.setattr(Desk, "_answer", count)
    monkeypatch.setattr(inbox, "_RETRY", 0.05)

    async def play() -> tuple[int, str]:
        async with house.open() as controller:
            request = new_request("debian", "all", "ssh", "hub")
            house.store.add([request])
            await controller.lanes["debian"]._answers.settle([request], 4, "why")
            with sqlite3.connect(house.places.store) as db:
                db.execute("alter table request rename to away")
            asking = asyncio.create_task(asyncio.to_thread(inbox.wait, str(house.places.door), request.id, 60))
            await until(lambda: len(asked) > 2)
            said = "a question at the door cannot be answered now"
            assert caplog.messages.count(said) == 1, "he asks again and again"
            with sqlite3.connect(house.places.store) as db:
                db.execute("alter table away rename to request")
            return await asking

    assert asyncio.run(play()) == (4, "why")


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("bash -i", words.USAGE),
        ("rsync --server --sender . /etc/passwd", words.USAGE),
        ("$(reboot)", words.USAGE),
        ("sync:archive:other sync:all", words.UNKNOWN_ARCHIVE),
        ("sync:archive:../../etc sync:all", words.UNKNOWN_ARCHIVE),
        ("sync:archive:$(touch${IFS}x) sync:all", words.UNKNOWN_ARCHIVE),
        ("x" * 5000, words.USAGE),
        ("sync:all " * 1000, words.USAGE),
    ],
)
def test_refused_triggers_say_one_line_and_change_nothing(
    house: House, command: str, code: int, capfd: pytest.CaptureFixture[str]
) -> None:
    assert trigger(command) == code
    shown = capfd.readouterr()
    assert len(shown.err.splitlines()) == 1
    assert shown.err.isascii()
    assert shown.out == ""
    assert list(house.places.inbox.iterdir()) == []


def test_true_only_tells_that_the_key_works(house: House) -> None:
    assert trigger("true") == 0
    assert list(house.places.inbox.iterdir()) == []


def test_unknown_words_beside_known_ones_are_answered(house: House, capfd: pytest.CaptureFixture[str]) -> None:
    assert served(house, "sync:all sync:new \x1b[2J") == 0
    said = capfd.readouterr().out.splitlines()
    assert said[:2] == ["Unknown option sync:new ignored", "Unknown option ?[2J ignored"]
    assert said[2:] == []


def test_a_pusher_that_asks_is_told_the_serial(house: House, capfd: pytest.CaptureFixture[str]) -> None:
    assert served(house, "sync:all", MIRROR_ANSWER="serial") == 0
    assert capfd.readouterr() == (f"serial {house.store.archive('debian').serial} http://leaf/debian\n", "")


def test_an_empty_archive_name_is_the_first_the_key_may_trigger() -> None:
    assert choose("", ["debian", "security"]).archive == "debian"
    assert choose("sync:archive: sync:stage2", ["security"]).archive == "security"
    with pytest.raises(Refusal):
        choose("sync:archive:debian", ["security"])


def test_an_inbox_that_cannot_be_written(house: House, capfd: pytest.CaptureFixture[str]) -> None:
    house.places.inbox.rmdir()
    assert trigger("sync:all") == words.TEMPORARY
    assert "cannot take the trigger" in capfd.readouterr().err
