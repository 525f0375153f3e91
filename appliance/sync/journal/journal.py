"""The record of our publications, kept for those below us: a head, and one small file for each publication.

The directory is served as it is. A delta is never changed, and is there before the head tells of it.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Final

from appliance.sync.journal.delta import Delta, Head, Step

NEXT: Final = "NEXT"
"""A delta that is not published yet: what of it is payload may be fetched."""

RECENT: Final = 32
"""Deltas that one look brings: who missed more asks for them by name."""

RECENT_BYTES: Final = 1 << 20
"""Bytes of them together; the newest one is among them however large it is."""

KEPT: Final = 2000
"""Deltas that are kept; who missed more compares everything."""

LARGEST: Final = 16 << 20
"""Bytes of one delta, some 150 000 paths: a larger change is not worth one, and begins a new epoch."""


@dataclass(frozen=True, slots=True)
class Journal:
    """The journal of one archive."""

    root: Path

    def head(self) -> Head | None:
        """Where it stands; None when there is none, or none that can be read."""
        try:
            return Head.parse((self.root / "HEAD").read_bytes())
        except (OSError, ValueError):
            return None

    def begin(self, paths: int) -> Head:
        """A new epoch: what was before cannot be followed from here."""
        head = Head(secrets.token_hex(16), 0, 1, "", paths)
        self._put("HEAD", head.data)
        for name in self._names():
            self._file(name).unlink(missing_ok=True)
        return head

    def append(self, steps: Iterable[Step], paths: int) -> Head:
        """Record one publication; returns where the journal stands now.

        ``paths`` is how many the tree holds. Without a head, or with a change too large for a delta, an epoch begins.
        """
        before = self.head()
        if before is None:
            return self.begin(paths)
        delta = Delta(before.epoch, before.serial + 1, before.digest, tuple(steps))
        if len(delta.data) > LARGEST:
            return self.begin(paths)
        self._put(f"recent/{name_of(delta.serial)}", delta.data)
        oldest = self._tidy(delta.serial)
        head = Head(before.epoch, delta.serial, oldest, delta.digest, paths)
        self._put("HEAD", head.data)
        (self.root / NEXT).unlink(missing_ok=True)
        return head

    def announce(self, steps: Iterable[Step]) -> None:
        """Tell what the next publication will bring that can be fetched already."""
        head, known = self.head(), tuple(steps)
        if not head or not known:
            (self.root / NEXT).unlink(missing_ok=True)
            return
        told = Delta(head.epoch, head.serial + 1, head.digest, known).data
        if len(told) <= LARGEST:
            self._put(NEXT, told, lasting=False)  # after a power cut the next run announces it again

    def _tidy(self, serial: int) -> int:
        """Move the deltas that are not recent, drop the oldest; returns the serial of the oldest that is left."""
        (self.root / "older").mkdir(exist_ok=True)
        for name in self._outdated():
            os.replace(self.root / "recent" / name, self.root / "older" / name)
        names = self._names()
        for name in names[:-KEPT]:
            self._file(name).unlink(missing_ok=True)
        return int(Path(names[-KEPT:][0]).stem) if names else serial

    def _outdated(self) -> list[str]:
        """Those of the recent deltas that are recent no more."""
        names = sorted(os.listdir(self.root / "recent"), reverse=True)
        sizes = accumulate((self.root / "recent" / name).stat().st_size for name in names)
        fits = [n == 0 or (n < RECENT and size <= RECENT_BYTES) for n, size in enumerate(sizes)]
        return names[fits.index(False) :] if False in fits else []

    def _names(self) -> list[str]:
        """Every delta there is, the oldest first."""
        found: list[str] = []
        for part in ("older", "recent"):
            with contextlib.suppress(FileNotFoundError):
                found += sorted(name for name in os.listdir(self.root / part) if name.endswith(".delta"))
        return found

    def _file(self, name: str) -> Path:
        recent = self.root / "recent" / name
        return recent if recent.exists() else self.root / "older" / name

    def _put(self, name: str, data: bytes, lasting: bool = True) -> None:
        target = self.root / name
        target.parent.mkdir(parents=True, exist_ok=True)
        scratch = self.root / f".{target.name}.new"
        with scratch.open("wb") as file:
            file.write(data)
            file.flush()
            if lasting:
                os.fsync(file.fileno())
        os.chmod(scratch, 0o644)
        os.replace(scratch, target)


def name_of(serial: int) -> str:
    """The file name of a delta."""
    return f"{serial:010d}.delta"


def module_of(module: str) -> str:
    """The rsync module with the journal of another one. No archive's name has such a dash."""
    return f"{module}_journal"
