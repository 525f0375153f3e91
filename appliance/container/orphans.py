"""What a killed controller has left running: found and ended before anybody writes again.

Every program that a controller starts carries a mark in its environment, which whatever that starts inherits, also in
a session of its own. The mark names the state volume's lock: whoever holds that lock is the only controller there, so
whatever carries the mark before it has started anything belongs to nobody. Others' programs, even where containers
share their processes, have other marks, and a number that was given to another process has another environment.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from appliance import children, commands, log

_PROCESSES: Final = Path("/proc")


def mark(lock: Path) -> str:
    """The mark of who holds this lock: the file itself, as the kernel knows it."""
    status = lock.stat()
    return f"{status.st_dev}:{status.st_ino}"


def end(mark: str) -> list[int]:
    """End every process that carries the mark, TERM and then KILL; returns their numbers.

    Takes no longer than twice `children.PATIENCE`: what hangs in the kernel then does nothing any more when it returns.
    """
    found = _carrying(mark)
    for word in (signal.SIGTERM, signal.SIGKILL):
        for pid in _carrying(mark):
            with suppress(ProcessLookupError):
                os.kill(pid, word)
        _until(lambda: not _carrying(mark), children.PATIENCE)
    if found:
        log.trouble("programs of a killed controller were ended", processes=", ".join(map(str, found)))
    return found


def _carrying(mark: str) -> list[int]:
    wanted = f"{commands.MARK}={mark}".encode()
    numbers = [int(entry.name) for entry in _PROCESSES.iterdir() if entry.name.isdigit()]
    return [pid for pid in numbers if pid != os.getpid() and wanted in _environment(pid)]


def _environment(pid: int) -> list[bytes]:
    """Empty for what is gone, is not ours, or has ended and waits to be reaped."""
    try:
        return (_PROCESSES / str(pid) / "environ").read_bytes().split(b"\0")
    except OSError:
        return []


def _until(state: Callable[[], bool], deadline: float) -> None:
    end = time.monotonic() + deadline
    while not state() and time.monotonic() < end:
        time.sleep(0.02)
