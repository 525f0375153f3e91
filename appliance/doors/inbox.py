"""Leave a request where it survives everything, and wait for its answer. Standard library only, few imports.

The interpreter's own ``_socket`` and not ``socket``, which brings ``enum`` and more: that takes 8 ms, as long as the
interpreter itself does to start.

A request is one small file in the inbox, written, synced and renamed before anybody is told that it was accepted; the
controller moves it into its store when it sees it, now or after its next start. The answer comes over a socket; when
the controller restarts meanwhile, the question is simply asked again.
"""

from __future__ import annotations

import os
import select
import time
from _socket import AF_UNIX, SOCK_STREAM, socket

STATE = "/var/lib/mirror/inbox"
DOOR = "/run/mirror/door.sock"
FIELDS = ("archive", "stage", "mhop", "callback", "deletes", "rollback", "full", "source", "by", "received")
_LONGEST_ANSWER = 8192

_RETRY, _LONGEST_RETRY = 0.2, 2.0
"""Seconds between two questions while nobody is there to answer, twice as long each time: a poll, because a controller
that is restarting has nothing to wait on, neither a socket nor a process, and it is away for a second or two."""

_PATIENCE = 5.0
"""Seconds that a controller which hangs may keep somebody who only knocks."""

_AWAY = (ConnectionError, FileNotFoundError, BlockingIOError)
"""Nobody is there to answer; or so many are waiting at the door that no more can (unix(7): EAGAIN)."""


class Gone(Exception):
    """Nobody waits for the answer any more: the other side hung up."""


def leave(
    inbox: str,
    archive: str,
    stage: str,
    source: str,
    by: str,
    mhop: bool = False,
    callback: bool = False,
    deletes: bool = False,
    rollback: bool = False,
    full: bool = False,
) -> str:
    """Make a request durable; returns its id. Raises OSError when that is not possible: then nothing was accepted."""
    now = time.time()
    id = f"{int(now * 1000):013d}-{os.getpid()}-{os.urandom(4).hex()}"
    flags = (str(int(flag)) for flag in (mhop, callback, deletes, rollback, full))
    values = (archive, stage, *flags, source, by, f"{now:.3f}")
    text = "".join(f"{field} {value}\n" for field, value in zip(FIELDS, values, strict=True))
    scratch, final = f"{inbox}/.{id}", f"{inbox}/{id}"
    try:
        _write(scratch, text.encode("utf-8", "replace"))
        os.rename(scratch, final)
    except OSError:
        if os.path.lexists(scratch):
            os.unlink(scratch)
        raise
    directory = os.open(inbox, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
    return id


def _write(path: str, data: bytes) -> None:
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        while data:  # of a volume that is nearly full a part may fit
            data = data[os.write(file, data) :]
        os.fsync(file)
    finally:
        os.close(file)


def read(text: str) -> dict[str, str]:
    """The fields of a request file; raises ValueError when it is not one."""
    pairs = (line.partition(" ") for line in text.splitlines())
    fields = {key: value for key, _, value in pairs}
    if tuple(fields) != FIELDS:
        raise ValueError("not a request")
    return fields


def knock(door: str, id: str) -> None:
    """Have the controller look into the inbox now; when it is not there, it will when it starts."""
    line = socket(AF_UNIX, SOCK_STREAM)
    try:
        line.settimeout(_PATIENCE)
        line.connect(door)
        line.sendall(f"{id}\n".encode())
    except (*_AWAY, TimeoutError):
        pass
    finally:
        line.close()


def wait(door: str, id: str, deadline: float) -> tuple[int, str]:
    """Wait (at most ``deadline`` seconds) for the answer: an exit code, and a line of text that may be empty.

    Raises Gone when standard output is closed at the other end, and TimeoutError.
    """
    end, pause = time.monotonic() + deadline, _RETRY
    while time.monotonic() < end:
        answer = _ask(door, id, end)
        if answer:
            code, _, text = answer.decode("utf-8", "replace").rstrip("\n").partition(" ")
            return int(code), text
        time.sleep(pause)  # the controller is restarting
        pause = min(2 * pause, _LONGEST_RETRY)
    raise TimeoutError


def _ask(door: str, id: str, end: float) -> bytes:
    line = socket(AF_UNIX, SOCK_STREAM)
    try:
        line.settimeout(max(0.0, end - time.monotonic()) or _RETRY)
        line.connect(door)
        line.sendall(f"{id}\n".encode())
        _listen(line, end)
        answer = b""
        while not answer.endswith(b"\n") and (part := line.recv(_LONGEST_ANSWER)):
            answer += part
    except _AWAY:
        return b""
    finally:
        line.close()
    return answer if answer.endswith(b"\n") else b""


def _listen(line: socket, end: float) -> None:
    """Return when there is something to read; raises Gone, and TimeoutError."""
    poll = select.poll()
    poll.register(line, select.POLLIN)
    poll.register(1, 0)
    ready = poll.poll(max(0, end - time.monotonic()) * 1000)
    if not ready:
        raise TimeoutError
    if 1 in dict(ready):
        raise Gone
