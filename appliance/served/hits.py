"""What users were sent by HTTP: counted from nginx's own log of archives, a file that is begun anew as it grows.

nginx gathers lines and writes them into a file of ours, so that no reader, however slow, holds up a download. Nothing
is lost: a file that was begun anew is read to its end until the next one is. Counts begin with the container.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from appliance.meanwhile import meanwhile
from appliance.places import Places

LARGE: Final = 1 << 20
"""Bytes of a log that is begun anew, some 40 000 requests; and of one bite."""

OFTEN: Final = 15.0
"""Seconds between two looks when nobody asks."""

_REDIRECT: Final = b"redirect"
"""How nginx calls the way on which a request came to an archive, if it is that one."""

_Key = tuple[str, str]
"""An archive and a class of answers: ``2xx``."""


@dataclass(slots=True)
class Answers:
    """Requests that were answered, and the bytes that were sent for them, headers included."""

    count: int = 0
    bytes: int = 0


@dataclass(slots=True)
class _Log:
    path: Path
    read: int = 0

    def lines(self) -> Iterator[bytes]:
        """The whole lines that are new, a bite at a time; one that is being written is left for the next time."""
        with contextlib.suppress(OSError), self.path.open("rb") as file:
            while True:
                file.seek(self.read)
                whole, end, _ = file.read(LARGE).rpartition(b"\n")
                if not end:
                    return
                self.read += len(whole) + 1
                yield from whole.split(b"\n")


@dataclass(slots=True)
class Hits:
    """Counts by archive and class of answer."""

    places: Places
    answers: dict[_Key, Answers] = field(default_factory=dict)
    instead: Counter[str] = field(default_factory=Counter)
    """By archive: answers to who had asked to be sent to a mirror, and was not."""
    _looking: asyncio.Lock = field(default_factory=asyncio.Lock)
    _now: _Log = field(init=False)
    _before: _Log = field(init=False)

    def __post_init__(self) -> None:
        now = self.places.hits
        self._now, self._before = _Log(now), _Log(now.with_name(f"{now.name}.before"))

    async def work(self) -> None:
        """Look often enough that the log stays small, until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(OFTEN)

    async def look(self) -> None:
        """Count what is new; on a busy server that takes its time, so it is done beside the event loop."""
        async with self._looking:
            await meanwhile(self._look)

    def _look(self) -> None:
        for log in (self._before, self._now):
            for line in log.lines():
                self._count(line)
        if self._now.read >= LARGE:
            self._begin_anew()

    def _count(self, line: bytes) -> None:
        with contextlib.suppress(ValueError):  # what no disk had room for may be half a line
            archive, status, sent, way = line.split(b" ")
            answers = self.answers.setdefault((archive.decode(), f"{status[:1].decode()}xx"), Answers())
            answers.bytes += int(sent)
            answers.count += 1
            if way == _REDIRECT:
                self.instead[archive.decode()] += 1

    def _begin_anew(self) -> None:
        """nginx writes on into the old file until it has heard of it."""
        with contextlib.suppress(OSError, ValueError):
            nginx = int(self.places.nginx_pid.read_text())
            os.replace(self._now.path, self._before.path)
            self._before.read, self._now.read = self._now.read, 0
            os.kill(nginx, signal.SIGUSR1)
