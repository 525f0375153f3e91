"""What rsync daemons say they have sent, and to whom, overheard as it passes on its way to the container's log.

All of them, on the port, behind TLS and at the end of an ssh connection, write into the one pipe that the keeper reads;
when a connection ends, well or not, its process tells the bytes (rsync's log.c; rsyncd.conf(5), "log file"). Standard
library only, like the keeper.
"""

from __future__ import annotations

import contextlib
import os
import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

MOST: Final = 4096
"""Connections that are remembered at a time: far more than may be open; one that was killed never tells its end."""

_LINE: Final = re.compile(
    rb"\d{4}/\d\d/\d\d \d\d:\d\d:\d\d \[(\d{1,10})\] "
    rb"(?:rsync on ([^ /]{1,255})[ /]|sent (\d{1,18}) bytes  received \d{1,18} bytes  total size )"
)

_FROM: Final = re.compile(rb" from (?:([!-?A-~]{1,64})@)?\S{1,255} \(([0-9a-fA-F:.]{2,45})\)$")
"""How the line ends that begins a connection (clientserver.c): the user, where one was asked for, host and address."""

AGAIN: Final = 60.0
"""Seconds for which who fetches is no news."""

Caller = tuple[str, str]
"""The user that somebody fetches as, empty for none, and his address."""


@dataclass(slots=True)
class Served:
    """Connections that have ended, and the bytes that were sent by them."""

    connections: int = 0
    bytes: int = 0


class Overheard:
    """Counts by module since the container's start, and keeps the totals in a file for whoever asks."""

    def __init__(self, totals: Path) -> None:
        self._totals = totals
        self._open: dict[bytes, str] = {}
        self._served: dict[str, Served] = {}
        self._is_news = False
        self._callers: dict[Caller, float] = {}
        self._fresh: list[Caller] = []

    def hear(self, line: bytes) -> None:
        """Any line of the container's log."""
        if found := _LINE.match(line):
            process, module, sent = found.groups()
            if module:
                self._begin(process, module.decode("utf-8", "replace"))
                self._meet(line, time.monotonic())
            elif process in self._open:
                self._end(self._open.pop(process), int(sent))

    def keep(self) -> None:
        """Write the totals, if there is anything new; readers see the old or the new ones, whole."""
        if not self._is_news:
            return
        self._is_news = False
        scratch = self._totals.with_name(f"{self._totals.name}.new")
        lines = (f"{module} {served.connections} {served.bytes}\n" for module, served in self._served.items())
        with contextlib.suppress(OSError):  # no room for figures is no reason to stop
            scratch.write_text("".join(lines))
            os.replace(scratch, self._totals)

    def callers(self) -> list[Caller]:
        """Who has begun to fetch since this was last asked, and had not for a while."""
        fresh, self._fresh = self._fresh, []
        return fresh

    def _meet(self, line: bytes, now: float) -> None:
        if not (found := _FROM.search(line)):
            return
        caller = (found[1] or b"").decode(), found[2].decode()
        if now - self._callers.pop(caller, -AGAIN) >= AGAIN:
            self._fresh.append(caller)
        if len(self._callers) >= MOST:
            del self._callers[next(iter(self._callers))]
        self._callers[caller] = now

    def _begin(self, process: bytes, module: str) -> None:
        self._open.pop(process, None)
        if len(self._open) >= MOST:
            del self._open[next(iter(self._open))]
        self._open[process] = module

    def _end(self, module: str, sent: int) -> None:
        served = self._served.setdefault(module, Served())
        served.connections += 1
        served.bytes += sent
        self._is_news = True


def totals(file: Path) -> dict[str, Served]:
    """What was sent since the container's start, by module; empty when nobody has counted."""
    try:
        rows = [line.split(" ") for line in file.read_text().splitlines()]
    except OSError:
        return {}
    return {module: Served(int(connections), int(sent)) for module, connections, sent in rows}
