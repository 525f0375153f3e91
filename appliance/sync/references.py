"""The payload that a new index names and the published one did not: is it here, and is it what the index says?"""

from __future__ import annotations

import asyncio
import itertools
import posixpath
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from appliance.errors import Misfit
from appliance.sync.entry import Entry, Reference, leaves, misfit_of
from appliance.sync.marks import Marks
from appliance.sync.news import Naming, mark, news
from appliance.sync.view import View

READERS: Final = 4
"""Files measured at a time: hashing leaves the interpreter to the others."""

BATCH: Final = 512
"""Files between two looks at whether anybody still waits for the answer."""

CHUNK: Final = 16
"""Files that one reader takes at a time: to hand over a single one costs as much as to look it up."""

LITTLE: Final = 4 << 20
"""Bytes of a batch that one reader has measured before several have taken turns at the interpreter."""

ENOUGH: Final = 1000
"""Misfits after which nobody needs more of them."""


@dataclass(frozen=True, slots=True)
class Payload:
    """Checks payload for one publication; a file that several indices name is read once.

    ``excluded`` tells which paths we chose not to carry: they are not missing. ``touched`` are files that are about to
    be replaced: they, and what goes with them, are looked at although their index has not changed.
    """

    view: View
    excluded: Callable[[str], bool]
    touched: frozenset[str] = frozenset()
    _fit: Marks = field(default_factory=Marks)
    _read: set[tuple[tuple[str, ...], Naming, Naming | None]] = field(default_factory=set)
    _whole: set[tuple[str, Entry]] = field(default_factory=set)

    async def index_misfit(self, name: str, held: Path, entry: Entry) -> Misfit | None:
        """What is wrong with an index, at the path ``name``; it is read once as well."""
        if (name, entry) in self._whole:
            return None
        if found := await asyncio.to_thread(misfit_of, held, entry):
            return Misfit(name, str(entry), found)
        self._whole.add((name, entry))
        return None

    async def misfits(self, bases: tuple[str, ...], new: Naming, old: Naming | None) -> list[Misfit]:
        """What is wrong with the files that ``new`` names and ``old``, the published one, did not.

        ``bases`` are the directories that the paths in them may be relative to, the likeliest first. What fitted once
        is not read again: InRelease and Release list the same indices.
        """
        if (bases, new, old) in self._read:
            return []
        found = await self._compared(bases, new, old)
        if not found:
            self._read.add((bases, new, old))
        return found

    async def _compared(self, bases: tuple[str, ...], new: Naming, old: Naming | None) -> list[Misfit]:
        given_up = threading.Event()
        try:
            return await asyncio.to_thread(self._misfits, bases, new, old, given_up)
        finally:
            given_up.set()  # a thread cannot be cancelled, but it can be asked

    def _misfits(
        self, bases: tuple[str, ...], new: Naming, old: Naming | None, given_up: threading.Event
    ) -> list[Misfit]:
        found: list[Misfit] = []
        try:
            fresh = self._fresh(new, old and self.view.beforehand.known(old), bases)
            with ThreadPoolExecutor(READERS) as readers:
                while (batch := list(itertools.islice(fresh, BATCH))) and len(found) < ENOUGH and not given_up.is_set():
                    unread = [one for one in batch if not self._is_remembered(bases, one)]
                    chunks = [unread[start : start + CHUNK] for start in range(0, len(unread), CHUNK)]
                    some = map if sum(one.size for one in unread) < LITTLE else readers.map
                    for wrong in some(lambda chunk: [self.misfit(bases, one) for one in chunk], chunks):
                        found += filter(None, wrong)
        except ValueError as error:
            found.append(Misfit(new.path, "an index that can be read", str(error)))
        return found

    def _fresh(self, new: Naming, old: Naming | None, bases: tuple[str, ...]) -> Iterator[Reference]:
        for reference in itertools.chain(self._replaced(new, bases) if old else (), news(new, old)):
            known = hash((bases[0], mark(reference)))
            if self._fit.add(known):
                yield reference

    def _replaced(self, new: Naming, bases: tuple[str, ...]) -> Iterator[Reference]:
        """What an index named before, and is about to be another file."""
        if self.touched:
            yield from (reference for reference in new.references() if self._is_touched(bases, reference))

    def _is_touched(self, bases: tuple[str, ...], named: Reference) -> bool:
        return any(self.view.changes(path, self.touched) for path in _joined(bases, named))

    def _is_remembered(self, bases: tuple[str, ...], named: Reference) -> bool:
        """Whether it was read as it came, and fits."""
        if not self.view.remembered or leaves(named.path) or "\0" in named.path:
            return False
        return self.view.remembers(_joined(bases[:1], named)[0], named.entry)

    def misfit(self, bases: tuple[str, ...], named: Reference, content: bool = True) -> Misfit | None:
        """What is wrong with one named file; without ``content`` its size is enough."""
        if leaves(named.path) or "\0" in named.path:
            return Misfit(repr(named.path), "a path within the archive", "one that leads out of it", again=False)
        paths = _joined(bases, named)
        entry = named.entry
        for path in paths:
            if held := self.view.find(path):
                found = misfit_of(held, entry if content else Entry(named.size, ""))
                return Misfit(path, str(entry), found) if found else None
            if self.view.is_directory(path):
                return Misfit(path, str(entry), "a directory", again=False)
        return None if any(map(self.excluded, paths)) else Misfit(paths[0], str(entry), "nothing", missing=True)


def _joined(bases: tuple[str, ...], named: Reference) -> list[str]:
    return [posixpath.normpath(posixpath.join(base, named.path)) for base in bases]
