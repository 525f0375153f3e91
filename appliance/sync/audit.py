"""Does what is on disk fit its own indices? Asked of a whole archive or of some of its paths; changes nothing.

    root files ─▶ signature, listed indices, by-hash names ─▶ every payload file: its size ─▶ (deep) its content

Only what does not fit is kept, and marks of the files that were looked at last: a file that several indices of a suite
name is looked at once. For a deep audit the indices are read twice, first to know how much there is to measure.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Final, Protocol

from appliance.errors import Misfit
from appliance.sync.debian import audit as debian
from appliance.sync.entry import Reference
from appliance.sync.marks import Marks
from appliance.sync.order import roots_of
from appliance.sync.profile import Profile
from appliance.sync.references import BATCH, READERS, Payload
from appliance.sync.rpm import audit as rpm
from appliance.sync.scope import EVERYTHING, Audited, Listing, Scope
from appliance.sync.terms import Terms
from appliance.sync.view import View

MOST: Final = 50_000
"""Misfits after which an audit ends: so much is not mended file by file."""

ROUNDS: Final = 4
"""So often suspects are looked at, when each look finds others."""

_Repositories = Callable[[View, Terms, Iterable[str], Scope], AsyncIterator[Audited]]

REPOSITORIES: Final[Mapping[str, _Repositories]] = {"debian": debian.suites, "rpm": rpm.repositories}
"""By profile: what is known of an archive by its own word. One that is not here says nothing about its files."""


class Watch(Protocol):
    """Who is told how far an audit is; called from a thread of its own."""

    def begin(self, stage: str, files: int | None = None, bytes: int | None = None) -> None:
        """A stage begins, with so much to do when that is known."""

    def done(self, files: int, bytes: int) -> None:
        """So much more is done."""


class _Nobody:
    def begin(self, stage: str, files: int | None = None, bytes: int | None = None) -> None: ...
    def done(self, files: int, bytes: int) -> None: ...


NOBODY: Final[Watch] = _Nobody()


@dataclass(slots=True)
class Report:
    """What an audit found: the misfits by path, and how much it looked at; ``bytes`` as the indices have it.

    ``roots`` are the root files it began with, ``suites`` how many of them it read.
    """

    misfits: dict[str, Misfit] = field(default_factory=dict)
    suites: int = 0
    indices: int = 0
    files: int = 0
    bytes: int = 0
    roots: frozenset[str] = frozenset()

    def add(self, misfit: Misfit) -> None:
        """One more; what was said first of a path stays."""
        self.misfits.setdefault(misfit.path, misfit)


@dataclass(frozen=True, slots=True)
class Audit:
    """One archive to look at, deeply when also content is compared.

    ``staging`` goes over ``tree`` where it has something; of ``promised`` root files it is known that they must be
    here.
    """

    tree: Path
    profile: str
    terms: Terms
    deep: bool = False
    staging: Path = Path("/nonexistent")
    gone: frozenset[str] = frozenset()
    promised: Callable[[], Collection[str]] = tuple
    watch: Watch = NOBODY

    async def confirmed(self, settled: Callable[[], Awaitable[None]]) -> Report:
        """Look at everything, and at what does not fit once more: a publication may have gone on meanwhile.

        ``settled`` is awaited before each further look.
        """
        roots = frozenset(await asyncio.to_thread(find_roots, self.tree, self.profile))
        first = report = await self.look(roots)
        seen: set[str] = set()
        for _ in range(ROUNDS):
            if report.misfits.keys() <= seen:
                break
            seen |= report.misfits.keys()
            await settled()
            report = await self.look(roots, Scope.of(report.misfits))
        return replace(first, misfits=report.misfits, roots=roots)

    async def look(self, roots: Collection[str], scope: Scope = EVERYTHING) -> Report:
        """One look, from these root files and the promised ones on."""
        report, view = Report(), View(self.staging, self.tree, self.gone)
        self.watch.begin("indices")
        promised = set(self.promised())
        for name in promised:
            if name in scope and not view.find(name) and not self.terms.excluded(name):
                report.add(Misfit(name, "what was published there", "nothing", missing=True))
        listings: list[Listing] = []
        async for one in REPOSITORIES[self.profile](view, self.terms, {*roots, *promised}, scope):
            for misfit in one.misfits:
                report.add(misfit)
            report.suites, report.indices = report.suites + 1, report.indices + one.measured
            listings += one.listings
            self.watch.done(one.measured, 0)
        await self._payload(view, listings, scope, report)
        return report

    async def _payload(self, view: View, listings: list[Listing], scope: Scope, report: Report) -> None:
        given_up = threading.Event()
        # Who does not ask for all that is named, carries what the upstream does: then nothing is missing.
        excluded = self.terms.excluded if self.terms.payload else _everything
        look = _Look(Payload(view, excluded), listings, scope, self.watch, given_up)
        try:
            if not self.deep or scope is EVERYTHING:
                self.watch.begin("files")
                report.files, report.bytes = await asyncio.to_thread(look, report, False)
            if self.deep:
                known = (report.files, report.bytes) if scope is EVERYTHING else (None, None)
                self.watch.begin("content", *known)
                await asyncio.to_thread(look, report, True)
        finally:
            given_up.set()  # a thread cannot be cancelled, but it can be asked


@dataclass(frozen=True, slots=True)
class _Look:
    payload: Payload
    listings: list[Listing]
    scope: Scope
    watch: Watch
    given_up: threading.Event

    def __call__(self, report: Report, content: bool) -> tuple[int, int]:
        """Look at every file that is named and asked about; returns how many they are, and their bytes."""
        files = bytes = 0
        marks = Marks()
        with ThreadPoolExecutor(READERS) as readers:
            for listing in self.listings:
                for batch in self._batches(listing, marks, report):
                    found = readers.map(lambda one, bases=listing.bases: self._seen(bases, one, content), batch)
                    for misfit in filter(None, found):
                        report.add(misfit)
                    files, bytes = files + len(batch), bytes + sum(one.size for one in batch)
        return files, bytes

    def _seen(self, bases: tuple[str, ...], named: Reference, content: bool) -> Misfit | None:
        misfit = self.payload.misfit(bases, named, content)
        self.watch.done(1, named.size)
        return misfit

    def _batches(self, listing: Listing, marks: Marks, report: Report) -> Iterator[list[Reference]]:
        fresh = self._fresh(listing, marks)
        try:
            while not self.given_up.is_set() and len(report.misfits) < MOST and (batch := list(islice(fresh, BATCH))):
                yield batch
        except ValueError as error:
            if listing.whole:
                report.add(Misfit(listing.index.path, "an index that can be read", str(error)))

    def _fresh(self, listing: Listing, marks: Marks) -> Iterator[Reference]:
        for named in listing.index.references():
            asked = listing.whole or self.scope.names(named, listing.bases)
            if asked and marks.add(hash((listing.bases[0], named))):
                yield named


def _everything(path: str) -> bool:
    return True


def find_roots(tree: Path, profile: str) -> list[str]:
    """Every root file below ``tree``; links to directories are not followed: where they lead to is seen anyway."""
    names = (
        os.path.relpath(os.path.join(directory, name), tree)
        for directory, _, files in os.walk(tree)
        for name in files
        if name in _MAYBE
    )
    return sorted(roots_of(Profile(profile), names))


_MAYBE: Final = frozenset(("InRelease", "Release", "Release.gpg", "repomd.xml", "repomd.xml.asc"))
