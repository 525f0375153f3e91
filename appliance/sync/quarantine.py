"""What was refused, kept for a look: a report a person can read, and the files it is about; bounded."""

from __future__ import annotations

import calendar
import os
import re
import shutil
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from appliance.errors import Misfit, SyncError
from appliance.sync.publish import staged

KEPT: Final = 3
"""Refused updates that are kept of one archive, the newest ones."""

LARGEST: Final = 1 << 30
"""Bytes of one refused update that are kept."""

REPORT: Final = "report.txt"


_STAMP: Final = "%Y%m%dT%H%M%SZ"
_RUN: Final = re.compile(r", run (\d+)\b")
_MISFIT: Final = re.compile(r"^(.+)\n  expected (.*)\n  found    (.*)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept of one refused update, in a directory of its own."""

    directory: Path

    @property
    def report(self) -> str:
        """The report, for people."""
        return (self.directory / REPORT).read_text("utf-8", "replace")

    @property
    def files(self) -> Path:
        """What was refused, under its paths in the archive; not there when nothing was kept."""
        return self.directory / "files"

    @property
    def time(self) -> float:
        """When it was refused, epoch seconds."""
        return calendar.timegm(time.strptime(self.directory.name, _STAMP))

    @property
    def run(self) -> int | None:
        """The run that refused it, as the report's heading has it."""
        found = _RUN.search(self.report.partition("\n")[0])
        return int(found[1]) if found else None

    @property
    def misfits(self) -> list[Misfit]:
        """The files that did not fit."""
        return [Misfit(*found) for found in _MISFIT.findall(self.report)]


@dataclass(frozen=True, slots=True)
class Quarantine:
    """The directory for the refused updates of one archive, on the archive's own filesystem."""

    root: Path

    def keep(self, heading: str, error: SyncError, index: Path, strays: Iterable[tuple[str, Path]]) -> Path:
        """Keep one refused update; returns its report.

        Staged files are kept by a second link, so that the next run still has them; ``strays`` (their names and where
        they are) are moved. A refusal for the same reasons as the newest one takes its place.
        """
        here = self.root / time.strftime(_STAMP, time.gmtime())
        shutil.rmtree(here, ignore_errors=True)
        here.mkdir(parents=True)
        for name, path in strays:
            os.replace(path, _place(here, name))
        left_out = _link(index, here)
        body = "".join(f"{one.path}\n  expected {one.expected}\n  found    {one.found}\n" for one in error.misfits)
        self._drop_same(here, body)
        remark = f"{left_out} files are not kept: together they are larger than {LARGEST} bytes\n" if left_out else ""
        text = f"{heading}\n{error.fact}\n{remark}\n{body}"
        (here / REPORT).write_text(text, "utf-8", "backslashreplace")
        for old in self._all()[:-KEPT]:
            shutil.rmtree(old, ignore_errors=True)
        return here / REPORT

    def newest(self) -> Kept | None:
        """What was refused last, None when nothing ever was."""
        return next(iter(self.kept()), None)

    def kept(self) -> list[Kept]:
        """What is kept of refused updates, the newest first."""
        return [Kept(here) for here in reversed(self._all()) if (here / REPORT).is_file()]

    def _drop_same(self, here: Path, body: str) -> None:
        before = [kept for kept in self._all() if kept != here][-1:]
        for kept in before:
            if (kept / REPORT).is_file() and (kept / REPORT).read_text("utf-8", "replace").partition("\n\n")[2] == body:
                shutil.rmtree(kept, ignore_errors=True)

    def _all(self) -> list[Path]:
        return sorted(self.root.iterdir()) if self.root.is_dir() else []


def _link(index: Path, here: Path) -> int:
    """Link every staged file into ``here`` as long as there is room; returns how many there was none for."""
    room, left_out = LARGEST, 0
    for name in staged(index):
        path = index / name
        size = path.lstat().st_size
        if size > room:
            left_out += 1
            continue
        room -= size
        # What is a directory here and a file there cannot be kept both: no reason to lose the report.
        with suppress(FileExistsError, NotADirectoryError, IsADirectoryError):
            place = _place(here, name)
            place.unlink(missing_ok=True)
            os.link(path, place, follow_symlinks=False)
    return left_out


def _place(here: Path, name: str) -> Path:
    place = here / "files" / name
    place.parent.mkdir(parents=True, exist_ok=True)
    return place
