from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from appliance.tree import answering
from appliance.tree.answering import Attempt, Kernel
from tests.unit.upstream import eventually

HEADER = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
ROW = "   0: 0100007F:0016 0100007F:8A3C {state} 00000000:00000000 01:0000002B {again:08X} 10001 0 {inode} 1 0 20 4\n"


@pytest.fixture
def deaf() -> Iterator[int]:
    """A port that drops whoever knocks: its queue is full."""
    with ExitStack() as stack:
        listening = stack.enter_context(closing(socket.create_server(("127.0.0.1", 0), backlog=0)))
        for _ in range(4):
            inside = stack.enter_context(closing(socket.socket()))
            inside.setblocking(False)
            inside.connect_ex(listening.getsockname())
        yield listening.getsockname()[1]


def test_on_a_busy_machine_little_time_goes_into_looks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answering, "OFTEN", 0)
    (tmp_path / "net").mkdir()
    rows = (ROW.format(state="06", again=0, inode=number) for number in range(20_000))
    (tmp_path / "net" / "tcp").write_text(HEADER + "".join(rows))
    kernel, attempt = Kernel(tmp_path), Attempt(lambda: 77, since=time.monotonic() - 60)
    begun = time.monotonic()
    assert not kernel.is_unanswered(attempt)
    one = time.monotonic() - begun
    for _ in range(50):
        assert not kernel.is_unanswered(attempt)
    assert time.monotonic() - begun < 10 * one


def ourselves() -> int:
    return os.getpid()


def test_a_host_that_drops_everything_does_not_answer(deaf: int) -> None:
    kernel, attempt = Kernel(), Attempt(ourselves)
    with closing(socket.socket()) as knocking:
        knocking.setblocking(False)
        knocking.connect_ex(("127.0.0.1", deaf))
        assert not kernel.is_unanswered(attempt)
        eventually(lambda: kernel.is_unanswered(attempt))
        assert time.monotonic() - attempt.since > 1


def test_a_live_connection_answers() -> None:
    kernel, attempt = Kernel(), Attempt(ourselves, since=time.monotonic() - 60)
    with closing(socket.create_server(("127.0.0.1", 0))) as server, closing(socket.socket()) as line:
        line.connect(server.getsockname())
        line.sendall(b"hello")
        assert not kernel.is_unanswered(attempt)


def table(proc: Path, state: str, again: int, inode: int) -> None:
    (proc / "net").mkdir(exist_ok=True)
    (proc / "net" / "tcp6").write_text(HEADER + ROW.format(state=state, again=again, inode=inode))


@pytest.mark.parametrize(("state", "again", "unanswered"), [("01", 1, True), ("01", 0, False), ("04", 3, False)])
def test_what_is_sent_again_on_a_kept_connection_for_a_while(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, state: str, again: int, unanswered: bool
) -> None:
    """Not what the other side has closed, and not a packet that was lost once."""
    monkeypatch.setattr(answering, "OFTEN", 0)
    monkeypatch.setattr(answering, "SHARE", 0)
    descriptors = tmp_path / "77" / "fd"
    descriptors.mkdir(parents=True)
    (descriptors / "3").symlink_to("socket:[4711]")
    (descriptors / "4").symlink_to("/dev/null")
    table(tmp_path, state, again, 4711)
    kernel, attempt = Kernel(tmp_path), Attempt(lambda: 77, since=time.monotonic() - 60)
    assert not kernel.is_unanswered(attempt)
    monkeypatch.setattr(answering, "UNACKNOWLEDGED", 0.05)
    time_passed = time.monotonic() + 0.06
    eventually(lambda: time.monotonic() > time_passed)
    assert kernel.is_unanswered(attempt) is unanswered
    table(tmp_path, "01", 0, 4711)
    assert not kernel.is_unanswered(attempt)
    table(tmp_path, "01", 1, 4711)
    assert not kernel.is_unanswered(attempt), "it begins anew"


def test_who_says_nothing_for_long_does_not_answer() -> None:
    kernel, long_ago = Kernel(), time.monotonic() - answering.WORDLESS
    assert kernel.is_unanswered(Attempt(lambda: None, answered=False, since=long_ago))
    assert not kernel.is_unanswered(Attempt(lambda: None, answered=True, since=long_ago))
    assert not kernel.is_unanswered(Attempt(lambda: None, since=long_ago))


def test_where_nothing_can_be_read_everybody_answers(tmp_path: Path) -> None:
    assert not Kernel(tmp_path).is_unanswered(Attempt(ourselves, since=time.monotonic() - 60))
