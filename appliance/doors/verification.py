"""`mirrorctl verify`: is what is on disk what its own indices say? And what is not, fetched again.

It looks with its own eyes, in its own process, and only at what is published; to fetch is the controller's.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from rich.filesize import decimal

from appliance import log
from appliance.doors import inbox
from appliance.doors.bar import Bar
from appliance.errors import ApplianceError, Misfit
from appliance.places import Places
from appliance.run.inspection import terms_of
from appliance.settings import Settings
from appliance.sync.audit import REPOSITORIES, Audit
from appliance.sync.findings import Report
from appliance.sync.scope import Scope

Ask = Callable[..., Any]
"""Asks the controller: method, path, body."""

FOREVER: Final = 7 * 24 * 3600.0


class Unverifiable(ApplianceError):
    """Nothing says what the archive's files should be."""

    exit_code = 2


@dataclass(slots=True)
class Verification:
    """One archive's: first what was found, then what became of it."""

    settings: Settings
    places: Places
    name: str
    ask: Ask
    deep: bool
    as_json: bool
    found: dict[str, Misfit] = field(default_factory=dict)
    left: dict[str, Misfit] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)

    def run(self, repair: bool) -> int:
        """Verify, repair if wanted, say what there is to say; returns the exit status. Raises ApplianceError."""
        profile = self.settings.archives[self.name].profile
        if profile not in REPOSITORIES:
            cure = f"no index of the {profile} profile says what they should be"
            raise Unverifiable(f"the files of {self.name} cannot be verified", cure)
        started = time.monotonic()
        report = asyncio.run(self._work(repair))
        if not report.suites and not self.found:
            raise Unverifiable(f"{self.name} has nothing to verify", "nothing was published yet")
        self._sum_up(report, time.monotonic() - started)
        return 1 if self.left else 0

    async def _work(self, repair: bool) -> Report:
        with Bar(self.name, silent=self.as_json) as bar:
            archive, tree = self.settings.archives[self.name], self.places.archive(self.name)
            audit = Audit(tree, archive.profile, terms_of(archive), self.deep, promised=self._promised, watch=bar)
            report = await audit.confirmed(self._settled)
            bar.end()
            self._take(report)
            if repair:
                await self._repair(audit, report, bar)
        return report

    def _take(self, report: Report) -> None:
        """What is left broken is what this report says; what nobody heard of yet is told."""
        for path, misfit in report.misfits.items():
            if path not in self.found:
                self._say(str(misfit))
        self.found |= report.misfits
        self.left = dict(report.misfits)

    async def _repair(self, audit: Audit, first: Report, bar: Bar) -> None:
        """Ask for what is broken; a mended index may name other files that are, so that is looked at as well."""
        asked: set[str] = set()
        while wanted := {path for path, misfit in self.left.items() if misfit.again} - asked:
            if self.settings.archives[self.name].upstream is None:
                self.remarks.append(f"{self.name} begins here: there is nobody to fetch from")
                return
            asked |= wanted
            id = self.ask("POST", "/control/repair", {"archive": self.name, "paths": sorted(wanted)})["request"]
            self._say(f"{self.name}: fetching {len(wanted)} files again")
            code, text = inbox.wait(str(self.places.door), id, FOREVER)
            if code:
                self.remarks.append(text)
            self._take(await audit.look(first.roots, Scope.of(self.left)))
            bar.end()

    def _promised(self) -> list[str]:
        return list(self.ask("GET", f"/control/roots/{self.name}")["roots"])

    async def _settled(self) -> None:
        self.ask("GET", f"/control/settled/{self.name}")

    def _say(self, line: str) -> None:
        if not self.as_json:
            print(log.clean(line), flush=True)

    def _sum_up(self, report: Report, seconds: float) -> None:
        if self.as_json:
            print(json.dumps(self._document(report, seconds), indent=2))
            return
        for path in self.found:
            self._say(f"{'NOT repaired' if path in self.left else 'repaired'}: {path}")
        for remark in self.remarks:
            self._say(remark)
        looked = f"{report.suites} root files, {report.indices} listed there, {report.files} files named"
        how = f"{decimal(report.bytes)} measured" if self.deep else "of these only the sizes, --deep reads them"
        fits = f"{len(self.left)} files are broken" if self.left else "everything fits"
        self._say(f"{self.name}: {fits} ({looked}, {how})")

    def _document(self, report: Report, seconds: float) -> dict[str, Any]:
        return {
            "archive": self.name,
            "fits": not self.left,
            "deep": self.deep,
            "roots": report.suites,
            "indices": report.indices,
            "files": report.files,
            "bytes": report.bytes,
            "seconds": round(seconds, 3),
            "misfits": [
                {"path": path, "expected": one.expected, "found": one.found, "repaired": path not in self.left}
                for path, one in self.found.items()
            ],
            "remarks": self.remarks,
        }
