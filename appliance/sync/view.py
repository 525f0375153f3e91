"""What readers would get after a publication: staging over what is published now, and how a file measures."""

from __future__ import annotations

import contextlib
import hashlib
import os
import posixpath
import stat
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Final

from appliance.sync.publish import staged
from appliance.sync.refused import DEEPEST
from appliance.sync.remembered import ALGORITHM, Remembered

MOST_LINKS: Final = 8

_BLOCK: Final = 1 << 18

KNOWN: Final = 8192
"""Directories that are remembered: an index names the files of one together, and an archive has a hundred thousand."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One file as an index lists it.

    ``size`` is in bytes, None when the index gives none (old repomd.xml files do not); ``digest`` is lower-case hex,
    empty when there is none; ``algorithm`` is hashlib's name of how it was made.
    """

    size: int | None
    digest: str
    algorithm: str = "sha256"

    def __str__(self) -> str:
        facts = [f"{self.size} bytes"] if self.size is not None else []
        return ", ".join([*facts, f"{self.algorithm.upper()} {self.digest[:16]}…"] if self.digest else facts)


@dataclass(frozen=True, slots=True)
class Reference:
    """A file named by an index: its path as the index gives it, and what is said of it, as in ``Entry``."""

    path: str
    size: int
    digest: str
    algorithm: str = "sha256"

    @property
    def entry(self) -> Entry:
        """What the file must be."""
        return Entry(self.size, self.digest, self.algorithm)


@dataclass(frozen=True)
class View:
    """The tree as it would be: ``staging`` over ``tree``.

    ``gone`` are paths that the upstream has no more: we may still hold them for a while, but they are no part of it.
    ``remembered`` are files that were read since they came.
    """

    staging: Path
    tree: Path
    gone: frozenset[str] = frozenset()
    remembered: Remembered = field(default_factory=Remembered, compare=False, repr=False)
    _directories: dict[str, str | None] = field(default_factory=dict, compare=False, repr=False)

    def find(self, path: str) -> Path | None:
        """The file a reader would get at ``path``, or None; links are followed as they would be, but none out of it."""
        real = self._real(path, MOST_LINKS)
        held = self._held(real) if real is not None else None
        return Path(held[0]) if held and stat.S_ISREG(held[1]) else None

    def is_directory(self, path: str) -> bool:
        """Whether readers would find a directory there."""
        real = self._real(path, MOST_LINKS)
        held = self._held(real) if real is not None else None
        return held is not None and stat.S_ISDIR(held[1])

    def is_below_link(self, path: str) -> bool:
        """Whether the path is another one's second name, by a link above it."""
        return self._real(path, MOST_LINKS) != path

    def changes(self, path: str, touched: frozenset[str]) -> bool:
        """Whether readers would get another file there, or none, for what is staged; deletes do not count."""
        return path in touched or path in self._turned or _is_below(path, self._replaced)

    @cached_property
    def _replaced(self) -> frozenset[str]:
        """The published directories that become a file or a link."""
        return frozenset(path for path in staged(self.staging) if _is_directory(self.tree / path))

    @cached_property
    def _turned(self) -> frozenset[str]:
        """The published files and links that become a directory."""
        above = {str(parent) for path in staged(self.staging) for parent in PurePosixPath(path).parents}
        return frozenset(
            path for path in above if os.path.lexists(self.tree / path) and not _is_directory(self.tree / path)
        )

    def _real(self, path: str, links: int) -> str | None:
        """The path without links in it, None when it leads nowhere."""
        if path.count("/") > DEEPEST:
            return None  # so deep we hold nothing
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
        known = self._directories
        with contextlib.suppress(KeyError):  # several threads look, and one of them may clear
            return known[directory]
        real = self._real(directory, links)
        if len(known) >= KNOWN:
            known.clear()
        known[directory] = real
        return real

    def _held(self, path: str) -> tuple[str, int] | None:
        """Where a path without links above it is, staged or published, and its mode."""
        for root, gone in ((self.staging, False), (self.tree, path in self.gone or _is_below(path, self._replaced))):
            with contextlib.suppress(OSError):
                here = f"{root}/{path}"
                mode = os.lstat(here).st_mode
                return None if gone else (here, mode)
        return None


def _is_directory(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _is_below(path: str, directories: frozenset[str]) -> bool:
    return bool(directories) and any(str(parent) in directories for parent in PurePosixPath(path).parents)


def leaves(path: str) -> bool:
    """Whether a relative path leads out of the directory it is relative to."""
    return path.startswith("/") or ".." in path.split("/")


def measure(path: Path, algorithm: str = "sha256") -> Entry:
    """Size and digest of a file; reads all of it."""
    with path.open("rb", buffering=0) as file:
        # hashlib's own way takes a large buffer for each, which for most files costs as much as their content.
        made, at_once = hashlib.new(algorithm), min(_BLOCK, os.fstat(file.fileno()).st_size + 1)
        while block := file.read(at_once):
            made.update(block)
        return Entry(os.fstat(file.fileno()).st_size, made.hexdigest(), algorithm)


def fits(held: Path, entry: Entry, remembered: Remembered) -> bool:
    """Whether a file is remembered to be what the entry says; reads nothing."""
    if entry.algorithm != ALGORITHM or not entry.digest:
        return False
    try:
        status = held.stat()
    except OSError:
        return False
    return entry.size in (status.st_size, None) and remembered.has(status, entry.digest)


def misfit_of(held: Path, entry: Entry) -> str | None:
    """What ``held`` is instead of ``entry``, for people; None when it fits. Reads no file of another size.

    A file that a failing disk does not give is something else than it should be.
    """
    try:
        return _misfit_of(held, entry)
    except OSError as error:
        return f"something that cannot be read ({error.strerror})"


def _misfit_of(held: Path, entry: Entry) -> str | None:
    size = held.stat().st_size
    if entry.size not in (size, None):
        return f"{size} bytes"
    if not entry.digest:
        return None
    found = measure(held, entry.algorithm)
    return None if found.digest == entry.digest else str(found)
