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


def newest(tree: Path, paths: Iterable[str], largest: int) -> dict[str, str]:
    """The digests of the files that changed last, by path; those that are gone or too large are left out."""
    aged = sorted(_aged(tree, paths, largest), reverse=True)[:MOST]
    found: dict[str, str] = {}
    for _, path in sorted(aged, key=lambda pair: pair[1]):
        with suppress(OSError):
            found[path] = of(tree / path)
    return found


def _aged(tree: Path, paths: Iterable[str], largest: int) -> Iterator[tuple[int, str]]:
    for path in paths:
        with suppress(OSError):
            status = os.stat(tree / path)
            if status.st_size <= largest:
                yield status.st_mtime_ns, path
