"""What a fetch is to bring and what of it is here, counted from what rsync says as it goes."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from appliance.sync.changes import Changes
from appliance.sync.itemized import unescape

FORMAT: Final = "--out-format=%i %l %b %n"
"""A line for each path that changes: what becomes of it, its length, the bytes that travelled for it, its name.

With ``%b`` the line comes when a file is whole, not when it begins (rsyncd.conf(5), log format).
"""

NEAR: Final = 256 << 20
"""Bytes of a fetch that travel while another one is done beside it: two seconds at a gigabit per second, of which the
indices of an archive take more than one on a path of 50 ms.
"""
_ITEM: Final = re.compile(rb"([<>ch.])([fdLDS]).{9} (\d+) (\d+) (.+)")
_RECEIVED: Final = b"Total bytes received: "


@dataclass(slots=True)
class Count:
    """Files (links among them, directories not) and bytes: ``planned``, and done so far; any number of rsyncs add.

    A byte is done when it is here, wherever it came from; ``fetched`` are those that travelled. A hard link to a file
    that is fetched anyway has no bytes of its own. ``ending`` is set when no more than NEAR is missing.

    ``over`` is set when the upstream has said all of a brief fetch: what came is in its place then, although rsync
    takes some time to end and only its end tells whether that is all. ``troubled`` tells that one did not end
    well: what another try brings was not here at its last word.
    """

    planned_files: int = 0
    planned_bytes: int = 0
    files: int = 0
    bytes: int = 0
    fetched: int = 0
    ending: asyncio.Event = field(default_factory=asyncio.Event, compare=False, repr=False)
    over: asyncio.Event = field(default_factory=asyncio.Event, compare=False, repr=False)
    troubled: bool = False

    def expect(self, changes: Changes) -> None:
        """There is a plan for what is not here yet; what was done before stays done."""
        self.planned_files = self.files + changes.files
        self.planned_bytes = self.bytes + changes.bytes
        self.ending.clear()
        self.over.clear()
        self._look_ahead()

    def restart(self) -> None:
        """Nothing of it is here any more; what travelled did."""
        self.planned_files = self.planned_bytes = self.files = self.bytes = 0

    def arrived(self, fate: str, kind: str, length: int, travelled: int) -> None:
        """A path is what it should be; a plan that knew less than there is grows."""
        if kind == "d":
            return
        self.files += 1
        self.bytes += 0 if fate == "h" else length
        self.fetched += travelled
        self.planned_files = max(self.planned_files, self.files)
        self.planned_bytes = max(self.planned_bytes, self.bytes)
        self._look_ahead()

    def settle(self) -> None:
        """All of it is here: also that of which rsync says nothing, since somebody else brought it."""
        self.files, self.bytes = self.planned_files, self.planned_bytes
        self._look_ahead()

    def _look_ahead(self) -> None:
        if self.planned_bytes - self.bytes <= NEAR:
            self.ending.set()


def nobody(_: str) -> None:
    """Who wants to know of files when nobody does."""


class Listener:
    """Hears one rsync with FORMAT and ``--stats``; ``received`` are all the bytes it received, once it has ended.

    ``heed`` is told the path of each file that travelled, when it is in its place. Of a file rsync speaks before it
    gives it its name (receiver.c, recv_files), and comes to the next one behind that.
    """

    def __init__(self, count: Count, heed: Callable[[str], None] = nobody) -> None:
        self._count, self._heed = count, heed
        self._unnamed = b""
        self.received = 0

    def line(self, raw: bytes) -> None:
        """Take one line of its standard output."""
        if item := _ITEM.fullmatch(raw):
            fate, kind, length, travelled, name = item.groups()
            self._count.arrived(fate.decode(), kind.decode(), int(length), int(travelled))
            if (fate, kind) == (b">", b"f"):
                self.end()
                self._unnamed = name
        elif raw.startswith(_RECEIVED):
            self.received = int(raw.removeprefix(_RECEIVED))

    def end(self) -> None:
        """It has nothing more to say of the last file."""
        if self._unnamed:
            self._heed(unescape(self._unnamed.decode("utf-8", "surrogateescape")))
            self._unnamed = b""
