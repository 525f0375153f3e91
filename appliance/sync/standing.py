"""What stands in a tree now where something is to come, each directory looked at once."""

from __future__ import annotations

import errno
import os
import stat
from enum import Enum
from pathlib import Path
from typing import Final


class Standing(Enum):
    """What is at a path, no link followed."""

    NOTHING = "nothing"
    DIRECTORY = "directory"
    OTHER = "other"
    """A file or a link; below it nothing can come."""


KNOWN: Final = 4096
"""Directories that are remembered; who asks in the order of a walk needs few of them."""


class Ground:
    """A tree that does not change meanwhile."""

    def __init__(self, tree: Path) -> None:
        self._tree = os.fspath(tree)
        self._directories = {"": Standing.DIRECTORY}

    def at(self, path: str) -> Standing:
        """What stands at a path; OTHER as well when the way there leads over a file or a link."""
        above = self._above(path)
        return self._look(path) if above is Standing.DIRECTORY else above

    def bars(self, path: str) -> bool:
        """Whether the way to a path leads over a file or a link."""
        return self._above(path) is Standing.OTHER

    def _above(self, path: str) -> Standing:
        directory = path.rpartition("/")[0]
        known = self._directories.get(directory)
        if known is None:
            known = self.at(directory)
            if len(self._directories) >= KNOWN:
                self._directories = {"": Standing.DIRECTORY}
            self._directories[directory] = known
        return known

    def _look(self, path: str) -> Standing:
        try:
            mode = os.lstat(f"{self._tree}/{path}").st_mode
        except OSError as error:
            if error.errno not in (errno.ENOENT, errno.ENAMETOOLONG):
                raise
            return Standing.NOTHING
        return Standing.DIRECTORY if stat.S_ISDIR(mode) else Standing.OTHER
