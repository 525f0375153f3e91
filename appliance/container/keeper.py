"""Keeps the container alive as long as supervisord lives. Standard library only: it stays in memory for ever.

supervisord's output passes through a pipe of ours. The container's own standard output may belong to root, and then no
program of our uid can open /dev/stdout; a pipe that we made can be opened by all of them."""

from __future__ import annotations

import contextlib
import math
import os
import re
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import IO, Final

from appliance.container.health import SOURCE
from appliance.container.rendition import Rendition
from appliance.places import Places
from appliance.served.overheard import Caller, Overheard
from appliance.words import FETCHES, NOBODY

_WHO: Final = re.escape(SOURCE)
NOISE: Final = re.compile(
    rf"Connection (closed|reset) by {_WHO} port \d+\r?"
    rf"|\S+ \S+ \[\d+\] connect from \S+ \({_WHO}\)"
    rf'|\S+ \S+ \[\w+\] \d+#\d+: [^"]*, client: {_WHO}, .*'.encode()
)
"""The health check knocks at sshd, rsyncd and nginx from an address of its own: what they say about it is no news.

The whole of the line, with the address where they tell it: a stranger may call himself by it, or ask for a file of that
name, and is heard nevertheless.
"""

LAST_WORDS = 0.5
"""Seconds for which who outlives supervisord is still heard."""


def keep(places: Places, argv: Sequence[str] = ()) -> int:
    """Run supervisord to its end; returns 1 if a core process died, else supervisord's own status."""
    command = argv or ("/usr/bin/supervisord", "-n", "-c", os.fspath(places.supervisord_conf))
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        # supervisord insists on a place for temporary files; /tmp may be read-only like the rest.
        env={**os.environ, "TMPDIR": os.fspath(places.run)},
    ) as child:
        _offer_log(child, places)
        _pass_signals_on(child, places)
        threading.Thread(target=_hurry, args=(child, places), daemon=True).start()
        if child.stdout:
            told = Rendition(os.environ.get("MIRROR_LOG_FORMAT", ""), os.environ.get("MIRROR_LOG_LEVEL", ""))
            _pass_output_on(child.stdout, child, Overheard(places.overheard), told, places.door)
    return 1 if places.failed.exists() or child.returncode < 0 else child.returncode


def _offer_log(child: subprocess.Popen[bytes], places: Places) -> None:
    """What runs at the end of an ssh connection has no output of ours: it finds it here."""
    with contextlib.suppress(OSError):
        places.log.unlink(missing_ok=True)
        places.log.symlink_to(f"/proc/{child.pid}/fd/1")


def _pass_signals_on(child: subprocess.Popen[bytes], places: Places) -> None:
    def end(number: int, frame: FrameType | None) -> None:
        child.send_signal(signal.SIGTERM)

    def reload(number: int, frame: FrameType | None) -> None:
        # Without a controller there is nothing to reload; its next start reads everything anyway.
        with contextlib.suppress(OSError, ValueError):
            os.kill(int(places.controller_pid.read_text()), signal.SIGHUP)

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    signal.signal(signal.SIGHUP, reload)


def _hurry(child: subprocess.Popen[bytes], places: Places) -> None:
    """supervisord starts its programs when something happens, or after a second: knock as soon as it listens.

    By a poll of a third of a second: at the level that it may speak at, supervisord does not say that it listens.
    """
    while child.poll() is None:
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as knock:
            knock.connect(os.fspath(places.supervisor))
            return
        time.sleep(0.02)


def _pass_output_on(
    stream: IO[bytes], child: subprocess.Popen[bytes], overheard: Overheard, told: Rendition, door: Path
) -> None:
    rest = b""
    for data in _heard(stream, child):
        *lines, rest = (rest + data).split(b"\n")
        _print((line + b"\n" for line in lines), told)
        for line in lines:
            overheard.hear(line)
        overheard.keep()
        for caller in overheard.callers():
            _tell_of(caller, door)
    _print([rest], told)


def _heard(stream: IO[bytes], child: subprocess.Popen[bytes]) -> Iterator[bytes]:
    """What comes until every writer is gone; an ssh session that outlives supervisord does not hold up the end."""
    end, ending = math.inf, _ending(child)
    while (left := end - time.monotonic()) > 0:
        # Where the kernel does not tell of an end we look for it.
        ready = select.select([stream.fileno(), *ending], [], [], None if ending else min(left, LAST_WORDS))[0]
        if child.poll() is not None:
            end, ending = min(end, time.monotonic() + LAST_WORDS), []
        if stream.fileno() in ready:
            data = os.read(stream.fileno(), 1 << 16)
            if not data:
                return
            yield data


def _ending(child: subprocess.Popen[bytes]) -> list[int]:
    """What becomes readable when it ends; nothing where an older engine's seccomp profile forbids it."""
    try:
        return [os.pidfd_open(child.pid)]
    except OSError:
        return []


def _tell_of(caller: Caller, door: Path) -> None:
    """Who fetches is alive, and the controller may be waiting for a sign of him. It may be away, or busy."""
    user, address = caller
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as line:
        line.setblocking(False)
        line.connect(os.fspath(door))
        line.send(f"{FETCHES}{user or NOBODY} {address}\n".encode())


def _print(lines: Iterable[bytes], told: Rendition) -> None:
    # A reader of our logs that is gone must not end the mirror.
    with contextlib.suppress(OSError):
        news = (line for line in lines if not NOISE.fullmatch(line.rstrip(b"\n")))
        sys.stdout.buffer.writelines(said for line in news for said in told.lines(line))
        sys.stdout.buffer.flush()
