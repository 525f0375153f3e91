"""What readers would get after a publication: staging over what is published now."""

from __future__ import annotations

import contextlib
import os
import posixpath
import stat
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Final, NamedTuple

from appliance.sync.beforehand import Beforehand
from appliance.sync.entry import Entry, leaves
from appliance.sync.publish import staged
from appliance.sync.refused import DEEPEST
from appliance.sync.remembered import ALGORITHM, Remembered

MOST_LINKS: Final = 8

KNOWN: Final = 8192
"""Directories that are remembered: an index names the files of one together, and an archive has a hundred thousand."""


class _Held(NamedTuple):
    """Where a path is, and how it stands there."""

    file: str
    status: os.stat_result


class _Way(NamedTuple):
    """A path without links in it, and what is there."""

    path: str
    held: _Held | None


@dataclass(frozen=True)
class View:
    """The tree as it would be: ``staging`` over ``tree``; what is staged stays the same as long as it is looked at.

    ``gone`` are paths that the upstream has no more: we may still hold them for a while, but they are no part of it.
    ``remembered`` are files that were read since they came, ``beforehand`` published indices that are.
    """

    staging: Path
    tree: Path
    gone: frozenset[str] = frozenset()
    remembered: Remembered = field(default_factory=Remembered, compare=False, repr=False)
    beforehand: Beforehand = field(default_factory=Beforehand, compare=False, repr=False)
    _directories: dict[str, str | None] = field(default_factory=dict, compare=False, repr=False)

    def find(self, path: str) -> Path | None:
        """The file a reader would get at ``path``, or None; links are followed as they would be, but none out of it."""
        held = self._end(path)
        return Path(held.file) if held and stat.S_ISREG(held.status.st_mode) else None

    def is_directory(self, path: str) -> bool:
        """Whether readers would find a directory there."""
        held = self._end(path)
        return held is not None and stat.S_ISDIR(held.status.st_mode)

    def is_below_link(self, path: str) -> bool:
        """Whether the path is another one's second name, by a link above it."""
        way = self._way(path, MOST_LINKS)
        return way is None or way.path != path

    def remembers(self, path: str, entry: Entry) -> bool:
        """Whether the file at ``path`` was read since it came, and is what the entry says; reads nothing."""
        if entry.algorithm != ALGORITHM or not entry.digest:
            return False
        held = self._end(path)
        if not held or not stat.S_ISREG(held.status.st_mode):
            return False
        return entry.size in (held.status.st_size, None) and self.remembered.has(held.status, entry.digest)

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

    @cached_property
    def _staged_directories(self) -> frozenset[str]:
        """Where something may be staged, relative: most of an archive's files are in none of these."""
        root = os.fspath(self.staging)
        return frozenset(directory[len(root) + 1 :] for directory, _, _ in os.walk(root))

    def _end(self, path: str) -> _Held | None:
        """What is at the end of the way."""
        way = self._way(path, MOST_LINKS)
        return way.held if way else None

    def _way(self, path: str, links: int) -> _Way | None:
        """The way to a path, links followed; None when it leads nowhere."""
        if path.count("/") > DEEPEST or (".." in path and leaves(path)):
            return None  # so deep we hold nothing, nor outside
        directory, _, name = path.rpartition("/")
        above = self._real_directory(directory, links) if directory else ""
        if above is None:
            return None
        here = f"{above}/{name}" if above else name
        held = self._held(here)
        if not held or not stat.S_ISLNK(held.status.st_mode):
            return _Way(here, held)
        target = posixpath.normpath(posixpath.join(above, os.readlink(held.file)))
        return self._way(target, links - 1) if links and not leaves(target) else None

    def _real_directory(self, directory: str, links: int) -> str | None:
        known = self._directories
        with contextlib.suppress(KeyError):  # several threads look, and one of them may clear
            return known[directory]
        way = self._way(directory, links)
        if len(known) >= KNOWN:
            known.clear()
        real = known[directory] = way.path if way else None
        return real

    def _held(self, path: str) -> _Held | None:
        """What is at a path without links above it, staged or published."""
        if path.rpartition("/")[0] in self._staged_directories and (held := _look(f"{self.staging}/{path}")):
            return held
        if path in self.gone or _is_below(path, self._replaced):
            return None
        return _look(f"{self.tree}/{path}")


def _look(file: str) -> _Held | None:
    try:
        return _Held(file, os.lstat(file))
    except OSError:
        return None


def _is_directory(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _is_below(path: str, directories: frozenset[str]) -> bool:
    return bool(directories) and any(str(parent) in directories for parent in PurePosixPath(path).parents)
