"""Every cause by a real rsync that meets it, and what is then done."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from appliance import commands
from appliance.commands import MISSING, TIMED_OUT, Outcome, Verdict
from appliance.errors import ApplianceError, SyncError
from appliance.lanes import retry
from appliance.run.hooks import HookError
from appliance.sync.source import Source
from appliance.sync.transport import plain
from appliance.sync.verdicts import rsync_verdict
from tests.unit.filesystems import small
from tests.unit.upstream import daemon, eventually, free_port


def fetch(port: int, target: Path, *options: str, module: str = "debian", host: str = "127.0.0.1") -> Outcome:
    """What an rsync of the whole module comes to."""
    target.mkdir(exist_ok=True)
    argv = ["rsync", "-r", *options, f"rsync://{host}:{port}/{module}/", f"{target}/"]
    return asyncio.run(commands.run(argv, deadline=60, env={"RSYNC_PASSWORD": "wrong"}))


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "upstream"
    root.mkdir()
    (root / "file").write_bytes(os.urandom(300_000))
    return root


@contextmanager
def answering(talk: Callable[[socket.socket], None]) -> Iterator[int]:
    """A server that answers each connection in this way."""

    def serve() -> None:
        while True:
            try:
                talk(server.accept()[0])
            except OSError:
                return

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=serve, daemon=True).start()
        yield int(server.getsockname()[1])
        server.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize(
    ("lines", "module", "words", "verdict"),
    [
        ("auth users = somebody\nsecrets file = /nowhere", "debian", "auth failed", Verdict.REFUSED),
        ("hosts deny = *", "debian", "access denied", Verdict.REFUSED),
        ("", "other", "Unknown module", Verdict.REFUSED),
        ("", "away", "chdir failed", Verdict.BUSY),
    ],
)
def test_what_a_daemon_refuses(
    tree: Path, tmp_path: Path, lines: str, module: str, words: str, verdict: Verdict
) -> None:
    with daemon(tmp_path, {"debian": tree, "away": tmp_path / "not mounted"}, lines) as port:
        outcome = fetch(port, tmp_path / "ours", module=module)
    assert outcome.code == 5
    assert words in outcome.stderr
    assert rsync_verdict(outcome) is verdict


def test_an_upstream_that_is_busy(tree: Path, tmp_path: Path) -> None:
    limit = f"max connections = 1\nlock file = {tmp_path}/rsyncd.lock"
    with daemon(tmp_path, {"debian": tree}, limit) as port, socket.create_connection(("127.0.0.1", port)) as other:
        other.sendall(b"@RSYNCD: 31.0 sha512 sha256 sha1 md5 md4\ndebian\n")
        eventually(lambda: b"OK" in other.recv(4096))
        outcome = fetch(port, tmp_path / "ours")
    assert (outcome.code, rsync_verdict(outcome)) == (5, Verdict.BUSY)


def test_nobody_there(tmp_path: Path) -> None:
    port = free_port()
    outcome = fetch(port, tmp_path / "ours")
    assert (outcome.code, rsync_verdict(outcome)) == (10, Verdict.NETWORK)
    outcome = fetch(port, tmp_path / "ours", host="nowhere.invalid")
    assert (outcome.code, rsync_verdict(outcome)) == (10, Verdict.NETWORK)


def test_who_hangs_up_and_who_is_silent(tmp_path: Path) -> None:
    kept: list[socket.socket] = []

    def hang_up(line: socket.socket) -> None:
        line.sendall(b"@RSYNCD: 31.0 sha512 sha256 sha1 md5 md4\n")
        line.recv(4096)
        line.close()

    with answering(hang_up) as port:
        assert rsync_verdict(outcome := fetch(port, tmp_path / "ours")) is Verdict.NETWORK
        assert outcome.code in (5, 10, 12)
    with answering(kept.append) as port:
        outcome = fetch(port, tmp_path / "ours", "--timeout=1")
        assert (outcome.code, rsync_verdict(outcome)) == (30, Verdict.NETWORK)


def test_who_lets_nobody_in(tmp_path: Path) -> None:
    """A full queue of connections: the kernel drops what comes, as a firewall would."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        port = int(server.getsockname()[1])
        waiting = [socket.socket() for _ in range(4)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(("127.0.0.1", port))
        outcome = fetch(port, tmp_path / "ours", "--contimeout=1")
        for one in waiting:
            one.close()
    assert (outcome.code, rsync_verdict(outcome)) == (35, Verdict.NETWORK)


def test_what_is_gone_upstream(tree: Path, tmp_path: Path) -> None:
    with daemon(tmp_path, {"debian": tree}) as port:
        (tmp_path / "list").write_text("file\ngone\n")
        outcome = fetch(port, tmp_path / "ours", f"--files-from={tmp_path}/list")
    assert (outcome.code, rsync_verdict(outcome)) == (23, Verdict.MOVED)


def test_what_the_upstream_cannot_read(tmp_path: Path) -> None:
    with TemporaryDirectory() as place:  # a directory of pytest's lets nobody else in
        os.chmod(place, 0o755)
        secret = Path(place, "secret")
        secret.write_text("x")
        secret.chmod(0)
        somebody = "uid = nobody\ngid = nogroup\n" if os.getuid() == 0 else ""
        lines = f"[unreadable]\n{somebody}path = {place}\n[last]\npath = {place}"
        with daemon(tmp_path, {"debian": tmp_path}, lines) as port:
            outcome = fetch(port, tmp_path / "ours", module="unreadable")
    assert (outcome.code, rsync_verdict(outcome)) == (23, Verdict.BUSY)


@pytest.mark.parametrize(
    ("options", "files"), [("size=100k", 0), ("size=10m,nr_inodes=5", 10)], ids=["no blocks", "no inodes"]
)
def test_a_full_volume(tree: Path, tmp_path: Path, options: str, files: int) -> None:
    for number in range(files):
        (tree / str(number)).write_text("x")
    with daemon(tmp_path, {"debian": tree}) as port, small(tmp_path / "ours", options) as ours:
        outcome = fetch(port, ours)
        assert "No space left on device (28)" in outcome.stderr
        assert rsync_verdict(outcome) is Verdict.LOCAL


def test_a_read_only_volume(tree: Path, tmp_path: Path) -> None:
    with daemon(tmp_path, {"debian": tree}) as port, small(tmp_path / "ours", "ro") as ours:
        outcome = fetch(port, ours)
        assert "Read-only file system (30)" in outcome.stderr
        assert rsync_verdict(outcome) is Verdict.LOCAL


def test_what_comes_from_this_machine(tmp_path: Path) -> None:
    assert rsync_verdict(asyncio.run(commands.run(["rsync", "--no-such-option"], deadline=10))) is Verdict.REFUSED
    assert rsync_verdict(asyncio.run(commands.run(["no-such-rsync"], deadline=10))) is Verdict.LOCAL
    killed = asyncio.run(commands.run(["sh", "-c", "kill -9 $$"], deadline=10))
    assert (killed.code, rsync_verdict(killed)) == (-9, Verdict.LOCAL)
    late = asyncio.run(commands.run(["sleep", "60"], deadline=0.1))
    assert (late.code, rsync_verdict(late)) == (TIMED_OUT, Verdict.NETWORK)


@pytest.mark.parametrize(
    ("code", "verdict"),
    [(0, Verdict.OK), (24, Verdict.MOVED), (MISSING, Verdict.LOCAL), (99, Verdict.NETWORK), (255, Verdict.NETWORK)],
)
def test_codes_that_speak_for_themselves(code: int, verdict: Verdict) -> None:
    assert rsync_verdict(Outcome(("rsync",), code, "", "", 0)) is verdict


def test_words_of_the_upstream_do_not_pass_for_ours(tmp_path: Path) -> None:
    said = "rsync: [sender] write failed on a (28)\n[receiver] a: No space left on device (28)"
    assert rsync_verdict(Outcome(("rsync",), 23, "", said, 0)) is Verdict.MOVED


def test_every_cause_has_its_own_pace() -> None:
    def pauses(error: ApplianceError) -> list[float | None]:
        return [retry.pause(error, failures) for failures in (1, 2, 3, 100)]

    for verdict, pace in retry.PACES.items():
        for usual, found in zip((1, 2, 4, 1 << 30), pauses(SyncError("x", verdict=verdict)), strict=True):
            assert found is not None
            expected = min(pace.longest, pace.first * usual)
            assert expected * (1 - retry.JITTER) <= found <= expected * (1 + retry.JITTER) <= retry.LONGEST
    for error in (SyncError("x", verdict=Verdict.REFUSED), HookError("x", "", 3), ApplianceError("x")):
        assert pauses(error) == [None] * 4
    assert len({retry.pause(SyncError("x", verdict=Verdict.NETWORK), 1) for _ in range(20)}) > 10, "jitter"


def test_words_for_causes() -> None:
    assert retry.cause_of(SyncError("x", verdict=Verdict.BUSY)) == "busy"
    assert retry.cause_of(HookError("x", "", 3)) == "hook"
    assert retry.cause_of(ApplianceError("x")) == "fault"


def test_an_upstream_that_lets_nobody_in_is_left_soon() -> None:
    source = Source(plain("rsync://127.0.0.1/debian"), "leaf")
    assert "--contimeout=45" in source.options()
