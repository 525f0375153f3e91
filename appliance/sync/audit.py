"""Does what is on disk fit its own indices? Asked of a whole archive or of some of its paths; changes nothing.

    root files ─▶ signature, listed indices, by-hash names ─▶ every payload file: its size ─▶ (deep) its content

For a deep audit the indices are read twice, first to know how much there is to measure.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from appliance.errors import Misfit
from appliance.sync.debian import audit as debian
from appliance.sync.findings import NOBODY, Report, Watch
from appliance.sync.holdings import Look
from appliance.sync.order import roots_of
from appliance.sync.profile import Profile
from appliance.sync.references import Payload
from appliance.sync.rpm import audit as rpm
from appliance.sync.scope import EVERYTHING, Audited, Listing, Scope
from appliance.sync.terms import Terms
from appliance.sync.view import View

ROUNDS: Final = 4
"""So often suspects are looked at, when each look finds others."""

_Repositories = Callable[[View, Terms, Iterable[str], Scope], AsyncIterator[Audited]]

REPOSITORIES: Final[Mapping[str, _Repositories]] = {"debian": debian.suites, "rpm": rpm.repositories}
"""By profile: what is known of an archive by its own word. One that is not here says nothing about its files."""


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
        look = Look(Payload(view, excluded), listings, scope, self.watch, given_up)
        try:
            if not self.deep or scope is EVERYTHING:
                self.watch.begin("files")
                report.files, report.bytes = await asyncio.to_thread(look, report, False)
            if self.deep:
                known = (report.files, report.bytes) if scope is EVERYTHING else (None, None)
                self.watch.begin("content", *known)
                await asyncio.to_thread(look, report, True)
        finally:
            given_up.set()


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
