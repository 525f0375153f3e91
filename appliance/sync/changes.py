"""A list of changes, as long as an archive and yet small: packed in sorted runs, which are merged as they are read.

A first sync lists every path there is: as objects in memory a million of them would take 300 MB.
"""

from __future__ import annotations

import heapq
import os
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from typing import Final

RUN: Final = 8192
"""Changes that are sorted, packed and unpacked together."""

_LEVEL: Final = 1
"""Paths of one tree are so much alike that the quickest packing makes a tenth of them."""

_Record = tuple[bytes, bytes, bytes]
"""Path, facts, leader; none of them has a NUL in it."""


@dataclass(frozen=True, slots=True)
class Change:
    """One path the upstream has and we have not, or have otherwise. ``size`` is in bytes."""

    path: str
    size: int
    new: bool
    directory: bool = False
    leader: str | None = None
    """For a hard link: the path it is the same file as."""


@dataclass(frozen=True, slots=True)
class _Run:
    """Sorted records; the first one stands beside them, so that nothing is unpacked before its turn."""

    first: _Record
    packed: bytes

    def __iter__(self) -> Iterator[_Record]:
        yield self.first
        fields = iter(zlib.decompress(self.packed).split(b"\0"))
        records = zip(fields, fields, fields, strict=True)
        next(records)
        yield from records


@dataclass(frozen=True, slots=True)
class Changes:
    """Changes in the order of the bytes of their paths; every iteration begins anew.

    ``files`` counts what is no directory, ``bytes`` is what they hold together: a hard link has none of its own.
    """

    runs: tuple[_Run, ...] = ()
    count: int = 0
    files: int = 0
    bytes: int = 0

    @classmethod
    def of(cls, changes: Iterable[Change]) -> Changes:
        """In any order; no path twice."""
        found = Collector()
        for change in changes:
            found.add(change)
        return found.changes()

    def __iter__(self) -> Iterator[Change]:
        return map(_change, heapq.merge(*self.runs))

    def __len__(self) -> int:
        return self.count

    @property
    def first(self) -> Change:
        """The first of them. Raises IndexError when there is none."""
        return _change(self.runs[0].first if len(self.runs) == 1 else min(run.first for run in self.runs))

    def among(self, paths: Collection[str]) -> list[Change]:
        """Those of these paths. Reads all, but only when there is something to look for."""
        return [change for change in self if change.path in paths] if paths else []

    def only(self, wanted: Callable[[Change], bool]) -> Changes:
        """Those that are wanted."""
        return Changes.of(filter(wanted, self))


NONE: Final = Changes()


@dataclass(slots=True)
class Collector:
    """Takes changes as they come, in any order, and packs them."""

    _runs: list[_Run] = field(default_factory=list)
    _records: list[_Record] = field(default_factory=list)
    _count: int = 0
    _files: int = 0
    _bytes: int = 0

    def add(self, change: Change) -> None:
        """One more."""
        self._records.append(_record(change))
        self._count += 1
        self._files += not change.directory
        self._bytes += change.size if change.leader is None else 0
        if len(self._records) >= RUN:
            self._pack()

    def changes(self) -> Changes:
        """All so far."""
        self._pack()
        return Changes(tuple(self._runs), self._count, self._files, self._bytes)

    def _pack(self) -> None:
        if self._records:
            self._records.sort()
            packed = zlib.compress(b"\0".join(chain.from_iterable(self._records)), _LEVEL)
            self._runs.append(_Run(self._records[0], packed))
            self._records = []


def _record(change: Change) -> _Record:
    facts = b"%c%c%d" % (b"d" if change.directory else b"f", b"+" if change.new else b".", change.size)
    return os.fsencode(change.path), facts, os.fsencode(change.leader or "")


def _change(record: _Record) -> Change:
    path, facts, leader = record
    return Change(
        os.fsdecode(path),
        int(facts[2:]),
        new=facts[1:2] == b"+",
        directory=facts[:1] == b"d",
        leader=os.fsdecode(leader) or None,
    )
