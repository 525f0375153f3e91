"""What readers would get after a publication: staging over what is published now, and how a file measures."""

from __future__ import annotations

import hashlib
import os
import posixpath
import stat
from dataclasses import dataclass
from pathlib import Path


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

    def find(self, path: str, links: int = 8) -> Path | None:
        """The file a reader would get at ``path``, or None; at most ``links`` links are followed, none out of it."""
        for root in (self.staging, self.tree):
            here = f"{root}/{path}"
            try:
                mode = os.lstat(here).st_mode
            except OSError:
                continue
            if stat.S_ISLNK(mode):
                target = posixpath.normpath(posixpath.join(posixpath.dirname(path), os.readlink(here)))
                return self.find(target, links - 1) if links and not leaves(target) else None
            if stat.S_ISREG(mode):
                return None if root == self.tree and path in self.gone else Path(here)
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
