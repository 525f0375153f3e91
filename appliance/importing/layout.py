"""Where a stock mirror keeps its configuration, below one directory."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

PLACES: Final = ("", "etc", "etc/ftpsync", ".config/ftpsync", "ftpsync")
"""The tarball's layout, the package's for an account and for the machine, and the directory itself."""

LARGEST: Final = 1 << 18


@dataclass(frozen=True, slots=True)
class Found:
    """A file: the archive that its name is about (empty: the default one), and its text, or why there is none."""

    path: Path
    archive: str
    text: str
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Layout:
    """The old configuration."""

    directory: Path

    def family(self, program: str, ending: str) -> list[Found]:
        """`ftpsync.conf`, `ftpsync-security.conf` and so on, the default archive's first."""
        pattern = re.compile(rf"{program}(?:-(.+))?\.{ending}")
        found: dict[str, Found] = {}
        for root in self._roots():
            for path in _files(root):
                if (match := pattern.fullmatch(path.name)) and path.name not in found:
                    found[path.name] = _read(path, match[1] or "")
        return sorted(found.values(), key=lambda one: one.archive)

    def file(self, name: str) -> Found | None:
        """A file by the path that the old machine knew it by, or by the end of it."""
        parts = [part for part in PurePosixPath(name).parts if part not in ("/", "..", "~")]
        for first in range(len(parts)):
            for root in self._roots():
                path = root.joinpath(*parts[first:])
                if path in _files(path.parent):
                    return _read(path, "")
        return None

    def _roots(self) -> Iterator[Path]:
        return (root for place in PLACES if (root := self.directory / place).is_dir())


def _files(directory: Path) -> list[Path]:
    """The files of a directory, as far as we may look into it."""
    try:
        return sorted(path for path in directory.iterdir() if path.is_file())
    except OSError:
        return []


def _read(path: Path, archive: str) -> Found:
    try:
        with path.open("rb") as stream:
            data = stream.read(LARGEST + 1)
    except OSError as error:
        return Found(
            path, archive, "", f"cannot be read: {error.strerror}; run the import as who may, --user 0 if need be"
        )
    if len(data) > LARGEST:
        return Found(path, archive, "", "is too large to be what it is called")
    return Found(path, archive, data.decode("utf-8", "replace"))
