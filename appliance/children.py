"""A child from its start to its end: fed, heard, and ended with its whole process group."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable
from typing import Final

PATIENCE: Final = 2.0
"""Seconds a process group has between TERM and KILL, and a child that was left by its kin until it is no longer heard.

Two of them, one after the other, are less than a container has to stop.
"""

TAIL: Final = 64 * 1024
"""Bytes of a child's output that are kept when nobody reads it line by line."""


async def follow(child: asyncio.subprocess.Process, out: Tail, err: Tail, feed: bytes, deadline: float) -> int | None:
    """Feed and hear a child to its end; returns its exit code, None when it was ended after ``deadline`` seconds.

    Who is cancelled, and what a listener raises, ends its whole process group.
    """
    talk = asyncio.ensure_future(_talk(child, out, err, feed))
    exit = asyncio.ensure_future(_exit(child.pid))
    try:
        async with asyncio.timeout(deadline):
            await asyncio.wait((talk, exit), return_when=asyncio.FIRST_COMPLETED)
            # What the child started and left behind may hold its pipes for ever, as a connection to a silent host does;
            # what made itself a session of its own does not even end with it.
            if not talk.done() and (await asyncio.wait((talk,), timeout=PATIENCE))[1]:
                _signal(child, signal.SIGKILL)
                await asyncio.wait((talk,), timeout=PATIENCE)
            if talk.done():
                await talk
            return await _reaped(child)
    except TimeoutError:
        await _end(child)
        return None
    except BaseException:
        await _end(child)
        raise
    finally:
        talk.cancel()
        exit.cancel()
        # Pipes that somebody else still holds would stay open.
        child._transport.close()  # type: ignore[attr-defined]


async def _talk(child: asyncio.subprocess.Process, out: Tail, err: Tail, feed: bytes) -> None:
    assert child.stdin
    assert child.stdout
    assert child.stderr
    await asyncio.gather(_feed(child.stdin, feed), _drain(child.stdout, out), _drain(child.stderr, err))


async def _exit(pid: int) -> None:
    """Return when the process has ended; asyncio's own wait, in some versions, waits for its pipes too."""
    ended = asyncio.Event()
    try:
        file = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    except OSError:
        # An older engine's seccomp profile forbids it: then the pipes' end has to do.
        await asyncio.Event().wait()
        return
    try:
        asyncio.get_running_loop().add_reader(file, ended.set)
        await ended.wait()
    finally:
        asyncio.get_running_loop().remove_reader(file)
        os.close(file)


async def _feed(stdin: asyncio.StreamWriter, feed: bytes) -> None:
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        stdin.write(feed)
        await stdin.drain()
        stdin.close()
        await stdin.wait_closed()


async def _drain(stream: asyncio.StreamReader, tail: Tail) -> None:
    while chunk := await stream.read(1 << 16):
        tail.add(chunk)
    tail.close()


async def _end(child: asyncio.subprocess.Process) -> None:
    """End the whole process group, politely first; returns when the child is reaped, or hangs in the kernel."""
    try:
        for word in (signal.SIGTERM, signal.SIGKILL):
            _signal(child, word)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(child.wait(), PATIENCE)
    finally:  # who is cancelled once more has no patience left
        _signal(child, signal.SIGKILL)


async def _reaped(child: asyncio.subprocess.Process) -> int | None:
    """The exit code of a child that has ended; asyncio's own wait, in some versions, waits for its pipes too."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(child.wait(), PATIENCE)
    return child.returncode


def _signal(child: asyncio.subprocess.Process, word: signal.Signals) -> None:
    """To the whole process group, as far as it is still there."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, word)


class Tail:
    """The end of a stream, or its lines handed on one by one."""

    def __init__(self, on_line: Callable[[bytes], None] | None) -> None:
        self._on_line = on_line
        self._kept = b""

    def add(self, chunk: bytes) -> None:
        """More of the stream."""
        self._kept += chunk
        if self._on_line:
            *lines, self._kept = self._kept.split(b"\n")
            for line in lines:
                self._on_line(line)
        self._kept = self._kept[-TAIL:]

    def close(self) -> None:
        """Its end: what is left is a line, too."""
        if self._on_line and self._kept:
            self._on_line(self._kept)
            self._kept = b""

    @property
    def text(self) -> str:
        """What is kept, as text."""
        return self._kept.decode("utf-8", "replace")
