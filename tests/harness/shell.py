"""Shells that stay open in containers: a command by one of them costs milliseconds.

An exec of its own costs the engine 60 ms of a processor, and tests look at a state again and again until it has come.
"""

from __future__ import annotations

import os
import re
import secrets
import selectors
import shlex
import subprocess
import threading
from collections.abc import Sequence
from typing import IO, Final, NamedTuple

WORDS: Final = ("sh", "-s", "asked-by-tests")
"""Its command line, by which who looks at processes knows it."""
PIECE: Final = 1 << 16


class Ended(NamedTuple):
    """A command's exit status and output."""

    code: int
    out: bytes
    err: bytes


class Place(NamedTuple):
    """Where a shell is: a container since one of its starts, and a user, the container's own if empty."""

    container: str
    started: str
    user: str


class Shell:
    """One shell; it runs one command at a time."""

    def __init__(self, place: Place) -> None:
        user = ["--user", place.user] if place.user else []
        argv = ["docker", "exec", "--interactive", *user, place.container, *WORDS]
        pipe = subprocess.PIPE
        self._child = subprocess.Popen(argv, bufsize=0, stdin=pipe, stdout=pipe, stderr=pipe)

    @property
    def is_open(self) -> bool:
        """Whether it may still be asked."""
        return self._child.poll() is None

    def ask(self, argv: Sequence[str]) -> Ended | None:
        """Runs a command, which gets nothing to read; None when the shell ends under it or was never there."""
        mark = secrets.token_hex(12)
        # By `env`, because a shell has words of its own for `test`, `kill` or `echo`.
        line = f"env {shlex.join(argv)} </dev/null; printf '{mark} %d.' $?; printf '{mark} 0.' >&2\n"
        assert self._child.stdin
        try:
            self._child.stdin.write(line.encode())
        except BrokenPipeError:
            return None
        return self._answer(re.compile(rb"%s (\d+)\.$" % mark.encode()))

    def _answer(self, end: re.Pattern[bytes]) -> Ended | None:
        assert self._child.stdout
        assert self._child.stderr
        out, err = bytearray(), bytearray()
        if not _read({self._child.stdout: out, self._child.stderr: err}, end):
            return None
        code = end.search(out)
        assert code
        return Ended(int(code[1]), end.sub(b"", out), end.sub(b"", err))

    def close(self) -> None:
        """It has nothing more to read, and ends."""
        self._child.communicate()


def _read(streams: dict[IO[bytes], bytearray], end: re.Pattern[bytes]) -> bool:
    """Reads each stream up to its end mark; whether all of them had one."""
    with selectors.DefaultSelector() as waiting:
        for stream, text in streams.items():
            waiting.register(stream, selectors.EVENT_READ, text)
        while waiting.get_map():
            for key, _ in waiting.select():
                piece = os.read(key.fd, PIECE)
                key.data.extend(piece)
                if not piece:
                    return False
                if end.search(key.data[-64:]):
                    waiting.unregister(key.fileobj)
    return True


class Shells:
    """Those that nobody asks at the moment; who asks has one to itself."""

    def __init__(self) -> None:
        self._idle: dict[Place, list[Shell]] = {}
        self._lock = threading.Lock()

    def ask(self, place: Place, argv: Sequence[str]) -> Ended | None:
        """Runs a command there; None when the container ends under it."""
        shell = self._take(place)
        ended = shell.ask(argv)
        # Nothing in a mirror runs as root, and tests look.
        if not ended or place.user == "root":
            shell.close()
        else:
            with self._lock:
                self._idle.setdefault(place, []).append(shell)
        return ended

    def _take(self, place: Place) -> Shell:
        with self._lock:
            # A container that has ended, or has been started again, took its shells with it.
            open_ones = {where: [shell for shell in shells if shell.is_open] for where, shells in self._idle.items()}
            self._idle = {where: shells for where, shells in open_ones.items() if shells}
            here = self._idle.get(place)
            return here.pop() if here else Shell(place)


SHELLS: Final = Shells()
"""Of this process of tests."""
