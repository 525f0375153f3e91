"""What readers would get after a publication: staging over what is published now, and how a file measures."""

from __future__ import annotations

import contextlib
import hashlib
import os
import posixpath
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

MOST_LINKS: Final = 8


@dataclass(frozen=True, slots=True)
class Entry:
    """One file as an index lists it: size in bytes and lower-case SHA256, empty when the index gives none."""

    size: int
    sha256: str

    def __str__(self) -> str:
        return f"{self.size} bytes, SHA256 {self.sha256[:16]}…" if self.sha256 else f"{self.size} bytes"


@dataclass(frozen=True, slots=True)
class View:
    """The tree as it would be: ``staging`` over ``tree``.

    ``gone`` are paths that the upstream has no more: we may still hold them for a while, but they are no part of it.
    """

    staging: Path
    tree: Path
    gone: frozenset[str] = frozenset()
    _directories: dict[str, str | None] = field(default_factory=dict, compare=False, repr=False)

    def find(self, path: str) -> Path | None:
        """The file a reader would get at ``path``, or None; links are followed as they would be, but none out of it."""
        real = self._real(path, MOST_LINKS)
        held = self._held(real) if real is not None else None
        return Path(held[0]) if held and stat.S_ISREG(held[1]) else None

    def _real(self, path: str, links: int) -> str | None:
        """The path without links in it, None when it leads nowhere."""
        directory, _, name = path.rpartition("/")
        above = self._real_directory(directory, links) if directory else ""
        if above is None:
            return None
        here = f"{above}/{name}" if above else name
        held = self._held(here)
        if not held or not stat.S_ISLNK(held[1]):
            return here
        target = posixpath.normpath(posixpath.join(above, os.readlink(held[0])))
        return self._real(target, links - 1) if links and not leaves(target) else None

    def _real_directory(self, directory: str, links: int) -> str | None:
        if directory not in self._directories:
            self._directories[directory] = self._real(directory, links)
        return self._directories[directory]

    def _held(self, path: str) -> tuple[str, int] | None:
        """Where a path without links above it is, staged or published, and its mode."""
        for root, gone in ((self.staging, False), (self.tree, path in self.gone)):
            with contextlib.suppress(OSError):
                here = f"{root}/{path}"
                mode = os.lstat(here).st_mode
                return None if gone else (here, mode)
        return None


def leaves(path: str) -> bool:
    """Whether a relative path leads out of the directory it is relative to."""
    return path.startswith("/") or ".." in path.split("/")


def measure(path: Path) -> Entry:
    """Size and SHA256 of a file; reads all of it."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        return Entry(os.fstat(file.fileno()).st_size, digest)


def misfit_of(held: Path, entry: Entry) -> str | None:
    """What ``held`` is instead of ``entry``, for people; None when it fits. Reads no file of another size."""
    size = held.stat().st_size
    if size != entry.size:
        return f"{size} bytes"
    if not entry.sha256:
        return None
    found = measure(held)
    return None if found == entry else str(found)
