"""What a file's content is known by when all that matters is whether two of them are the same."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

MOST: Final = 8
"""Files of an archive that are noted with a publication: those that changed last."""

LARGEST: Final = 1 << 20
"""Bytes of a file that is noted, and of what a mirror may send in its place; Release files have a few 100 000."""

_LENGTH: Final = 24
"""Characters that are kept: enough for telling two states of a file apart."""

_BLOCK: Final = 1 << 16


class Digest:
    """A digest in the making."""

    def __init__(self) -> None:
        self._sum = hashlib.sha256()

    def add(self, block: bytes) -> None:
        """The next bytes of the file."""
        self._sum.update(block)

    def __str__(self) -> str:
        return self._sum.hexdigest()[:_LENGTH]


def of(file: Path) -> str:
    """The digest of a file. Raises OSError."""
    found = Digest()
    with file.open("rb") as stream:
        while block := stream.read(_BLOCK):
            found.add(block)
    return str(found)


def newest(tree: Path, paths: Iterable[str]) -> dict[str, str]:
    """The digests of the files that changed last, by path; those that are gone or too large are left out."""
    aged = sorted(_aged(tree, paths), reverse=True)[:MOST]
    found: dict[str, str] = {}
    for _, path in sorted(aged, key=lambda pair: pair[1]):
        with suppress(OSError):
            found[path] = of(tree / path)
    return found


def _aged(tree: Path, paths: Iterable[str]) -> Iterator[tuple[int, str]]:
    for path in paths:
        with suppress(OSError):
            status = os.stat(tree / path)
            if status.st_size <= LARGEST:
                yield status.st_mtime_ns, path
