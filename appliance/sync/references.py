"""The payload that a new index names and the published one did not: is it here, and is it what the index says?"""

from __future__ import annotations

import asyncio
import posixpath
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Final

from appliance.errors import Misfit
from appliance.sync import stanzas, unpack
from appliance.sync.stanzas import Reference
from appliance.sync.view import Entry, View, leaves, misfit_of

READERS: Final = 4
"""Files measured at a time: hashing leaves the interpreter to the others."""

BATCH: Final = 512
"""Files between two looks at whether anybody still waits for the answer."""

ENOUGH: Final = 1000
"""Misfits after which nobody needs more of them."""


@dataclass(frozen=True, slots=True)
class Index:
    """An index that we hold: its listed path, the file, and what it unpacks to when that is announced."""

    path: str
    held: Path
    unpacked: Entry | None = None

    def references(self) -> Iterator[Reference]:
        """Every file it names. Raises ValueError when it cannot be read."""
        parse = stanzas.KINDS[posixpath.basename(unpack.stem_of(self.path))]
        return parse(unpack.blocks(self.held, self.path, self.unpacked))


def is_index(path: str) -> bool:
    """Whether a listed file is one that names payload."""
    return posixpath.basename(unpack.stem_of(path)) in stanzas.KINDS


@dataclass(frozen=True, slots=True)
class Payload:
    """Checks payload for one publication; a file that several indices name is read once.

    ``excluded`` tells which paths we chose not to carry: they are not missing.
    """

    view: View
    excluded: Callable[[str], bool]
    _fit: set[int] = field(default_factory=set)

    async def misfits(self, suite: str, new: Index, old: Index | None) -> list[Misfit]:
        """What is wrong with the files that ``new`` names and ``old``, the published one, did not."""
        given_up = threading.Event()
        try:
            return await asyncio.to_thread(self._misfits, bases_of(suite), new, old, given_up)
        finally:
            given_up.set()  # a thread cannot be cancelled, but it can be asked

    def _misfits(
        self, bases: tuple[str, ...], new: Index, old: Index | None, given_up: threading.Event
    ) -> list[Misfit]:
        found: list[Misfit] = []
        try:
            fresh = self._fresh(new, _known(old))
            with ThreadPoolExecutor(READERS) as readers:
                while (batch := list(islice(fresh, BATCH))) and len(found) < ENOUGH and not given_up.is_set():
                    found += filter(None, readers.map(lambda one: self._misfit(bases, one), batch))
        except ValueError as error:
            found.append(Misfit(new.path, "an index that can be read", str(error)))
        return found

    def _fresh(self, new: Index, known: set[int]) -> Iterator[Reference]:
        for reference in new.references():
            mark = _mark(reference)
            if mark not in known and mark not in self._fit:
                self._fit.add(mark)
                yield reference

    def _misfit(self, bases: tuple[str, ...], named: Reference) -> Misfit | None:
        if leaves(named.path) or "\0" in named.path:
            return Misfit(repr(named.path), "a path within the archive", "one that leads out of it")
        paths = [posixpath.normpath(posixpath.join(base, named.path)) for base in bases]
        entry = Entry(named.size, named.sha256)
        for path in paths:
            if held := self.view.find(path):
                found = misfit_of(held, entry)
                return Misfit(path, str(entry), found) if found else None
        return None if self.excluded(paths[0]) else Misfit(paths[0], str(entry), "nothing", missing=True)


def bases_of(suite: str) -> tuple[str, ...]:
    """The directories that paths in a suite's indices may be relative to, the likeliest first.

    With ``dists`` in its path it is the directory that holds it; a flat suite names files from wherever its index was
    made, which is itself or something above.
    """
    parts = suite.split("/") if suite else []
    if "dists" in parts:
        return ("/".join(parts[: parts.index("dists")]),)
    return tuple("/".join(parts[:length]) for length in range(len(parts), -1, -1))


def _known(old: Index | None) -> set[int]:
    """The marks of what is named already; nothing when the published index cannot be read: then all is checked."""
    if old is None:
        return set()
    try:
        return set(map(_mark, old.references()))
    except ValueError:
        return set()


def _mark(reference: Reference) -> int:
    return hash((reference.path, reference.size, reference.sha256))
