"""How a controller ends, and what one that could not leaves for the next."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance import children, commands
from appliance.container import orphans
from appliance.controller import new_request
from tests.ground.waiting import Stopwatch
from tests.unit.house import House
from tests.unit.programs import lives
from tests.unit.run.test_hooks import write
from tests.unit.service import Service
from tests.unit.upstream import PATIENCE, DebianTree, daemon, eventually, tree

STUBBORN = "trap '' TERM HUP INT; echo $$ > {file}; while :; do sleep 1; done"
SLOW = {"MIRROR_ARCHIVES__DEBIAN__BWLIMIT": "1"}
"""KiB/s: what the big file takes five minutes with."""
MUCH = 40 << 20
"""Bytes of a fetch that needs no relay: rsync would end with the controller, in which its relay is."""


@pytest.fixture
def upstream(tmp_path: Path) -> DebianTree:
    return DebianTree(tmp_path / "upstream")


@pytest.fixture
def house(tmp_path: Path, upstream: DebianTree) -> Iterator[House]:
    upstream.release("2026112101", big=os.urandom(150_000).hex())
    with daemon(tmp_path, {"debian": upstream.root}) as port:
        house = House(tmp_path / "house", port)
        yield house
        house.store.close()


def ask(house: House, archive: str = "debian") -> str:
    """A request as a door leaves it, for whoever starts next."""
    request = new_request(archive, "all", "ssh", "hub")
    house.store.add([request])
    return request.id


def marked(house: House) -> list[int]:
    """Everything that a controller of this house has started and that still runs."""
    return orphans._carrying(orphans.mark(house.places.lock)) if house.places.lock.exists() else []


def test_what_a_killed_controller_left_is_ended_before_the_next_one_writes(
    house: House, upstream: DebianTree, tmp_path: Path
) -> None:
    upstream.release("2026112101", big="0123456789abcdef" * (MUCH // 16))
    house.extra |= SLOW
    id = ask(house)
    killed = Service(house)
    eventually(lambda: bool([*house.places.staging("debian").glob("tmp/*")]))
    left = marked(house)
    killed.kill()
    assert left
    assert [pid for pid in left if lives(pid)] == left, "they go on: nobody has told them"

    del house.extra["MIRROR_ARCHIVES__DEBIAN__BWLIMIT"]
    service = Service(house)
    assert not [pid for pid in left if lives(pid)]
    assert "programs of a killed controller were ended" in service.log.read_text()
    eventually(lambda: (found := house.store.request(id)) is not None and found.code == 0)
    assert tree(upstream.root).items() <= tree(house.tree).items()
    assert service.end() == 0


def test_what_leaves_its_session_and_ignores_term_is_found_as_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(children, "PATIENCE", 0.3)
    lock, others, file = tmp_path / "lock", tmp_path / "others", tmp_path / "pid"
    lock.touch()
    others.touch()
    script = STUBBORN.format(file=file)
    argv = ["sh", "-c", f'setsid sh -c "{script.replace("$$", chr(92) + "$$")}" & wait']
    own = subprocess.Popen(argv, env={**os.environ, commands.MARK: orphans.mark(lock)}, start_new_session=True)
    foreign = subprocess.Popen(["sleep", "60"], env={**os.environ, commands.MARK: orphans.mark(others)})
    try:
        eventually(lambda: file.exists() and bool(file.read_text()))
        assert int(file.read_text()) in orphans.end(orphans.mark(lock))
        own.wait(PATIENCE)
        eventually(lambda: not lives(int(file.read_text())))
        assert lives(foreign.pid)
        assert orphans.end(orphans.mark(lock)) == []
    finally:
        foreign.kill()
        foreign.wait()


@pytest.fixture
def silence() -> Iterator[int]:
    """A port where everybody is let in and nobody gets a word."""
    with socket.create_server(("127.0.0.1", 0), backlog=50) as server:
        kept: list[socket.socket] = []

        def accept() -> None:
            try:
                while True:
                    kept.append(server.accept()[0])
            except OSError:
                return

        threading.Thread(target=accept, daemon=True).start()
        yield int(server.getsockname()[1])
        server.shutdown(socket.SHUT_RDWR)


def test_term_ends_it_in_time_whatever_is_under_way(
    house: House, upstream: DebianTree, silence: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fetching, waiting for a silent upstream, in a stubborn hook mid-publication, telling a stubborn downstream."""
    small = DebianTree(tmp_path / "small")
    small.release("2026112101", hello="one")
    hook, push = tmp_path / "hook.pid", tmp_path / "push.pid"
    write(tmp_path / "hooks", 3, f'[ "$MIRROR_ARCHIVE" = hooked ] || exit 0\n{STUBBORN.format(file=hook)}')
    with daemon(tmp_path, {"small": small.root}) as port:
        house.downstreams = "deaf=ssh://m@deaf?archives=told"
        house.extra |= {
            **SLOW,
            "MIRROR_ARCHIVES__HOOKED__UPSTREAM": f"rsync://127.0.0.1:{port}/small",
            "MIRROR_ARCHIVES__TOLD__UPSTREAM": f"rsync://127.0.0.1:{port}/small",
            "MIRROR_ARCHIVES__SILENT__UPSTREAM": f"rsync://127.0.0.1:{silence}/small",
            "MIRROR_HOOKS": str(tmp_path / "hooks"),
        }
        house.record_ssh(monkeypatch)
        house.answer("deaf", STUBBORN.format(file=push))
        names = ("debian", "hooked", "told", "silent")
        for name in names[1:]:
            house.places.archive(name).mkdir(parents=True)
        ids = {name: ask(house, name) for name in names}
        service = Service(house)
        eventually(lambda: hook.exists() and push.exists())
        eventually(lambda: bool([*house.places.staging("debian").glob("tmp/*")]))
        with Stopwatch() as taken:
            assert service.end() == 0
        assert taken.seconds < 10, "the engine kills then"
        assert not marked(house)
        assert house.store.archive("hooked").publishing, "the hook stood in the middle of a publication"

        (tmp_path / "hooks" / "hook3").unlink()
        house.answer("deaf", "exit 0")
        del house.extra["MIRROR_ARCHIVES__DEBIAN__BWLIMIT"]
        house.extra["MIRROR_ARCHIVES__SILENT__UPSTREAM"] = f"rsync://127.0.0.1:{port}/small"
        again = Service(house)
        eventually(lambda: all((one := house.store.request(id)) and one.code == 0 for id in ids.values()))
        eventually(lambda: [one.state for one in house.store.deliveries()] == ["delivered"])
        assert again.end() == 0


def test_a_thread_that_does_not_end_is_not_waited_for(tmp_path: Path) -> None:
    """What reads a big file from a slow disk cannot be ended from outside."""
    program = (
        "import asyncio, signal, time, appliance.serve as serve\n"
        "serve.LONGEST_STOP = 0.5\n"
        "async def main():\n"
        "    work = asyncio.ensure_future(asyncio.to_thread(time.sleep, 600))\n"
        "    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, serve._stop, work)\n"
        "    print('ready', flush=True)\n"
        "    await asyncio.gather(work, return_exceptions=True)\n"
        "asyncio.run(main())\n"
    )
    child = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, cwd=os.getcwd())
    assert child.stdout
    assert child.stdout.readline() == b"ready\n"
    child.send_signal(signal.SIGTERM)
    assert child.wait(PATIENCE) == 0
    child.stdout.close()


def test_a_name_server_that_is_dead_is_not_waited_for() -> None:
    """Whoever looks up a name is left behind, and the interpreter waits for every thread, also behind its loop."""
    program = (
        "import asyncio, socket, time, types, appliance.serve as serve\n"
        "from appliance import names\n"
        "serve.LONGEST_STOP = 0.5\n"
        "socket.getaddrinfo = lambda *place, **more: time.sleep(600)\n"
        "async def main():\n"
        "    works = [asyncio.ensure_future(one) for one in (asyncio.sleep(0.1), names.known('http://leaf/'))]\n"
        "    await serve._together([*works, asyncio.ensure_future(asyncio.sleep(0.2))], types.SimpleNamespace())\n"
        "    names.close()\n"
        "asyncio.run(main())\n"
    )
    assert subprocess.run([sys.executable, "-c", program], cwd=os.getcwd(), timeout=PATIENCE).returncode == 0


def test_a_fault_ends_the_controller_also_when_a_disk_hangs() -> None:
    """It begins anew then: of one that neither works nor ends nobody would hear."""
    program = (
        "import asyncio, time, types, appliance.serve as serve\n"
        "from appliance.meanwhile import meanwhile\n"
        "serve.LONGEST_STOP = 0.5\n"
        "async def broken():\n"
        "    await asyncio.sleep(0.1)\n"
        "    raise ZeroDivisionError\n"
        "async def main():\n"
        "    works = broken(), meanwhile(time.sleep, 600), asyncio.sleep(1)\n"
        "    await serve._together([asyncio.ensure_future(one) for one in works], types.SimpleNamespace())\n"
        "asyncio.run(main())\n"
    )
    child = subprocess.run([sys.executable, "-c", program], cwd=os.getcwd(), timeout=PATIENCE, check=False)
    assert child.returncode == 1
