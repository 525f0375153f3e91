"""A file as an index names it, and what one here is instead."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final


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


def leaves(path: str) -> bool:
    """Whether a relative path leads out of the directory it is relative to."""
    return path.startswith("/") or ".." in path.split("/")


_BLOCK: Final = 1 << 18


def measure(path: Path, algorithm: str = "sha256") -> Entry:
    """Size and digest of a file; reads all of it."""
    with path.open("rb", buffering=0) as file:
        # hashlib's own way takes a large buffer for each, which for most files costs as much as their content.
        made, at_once = hashlib.new(algorithm), min(_BLOCK, os.fstat(file.fileno()).st_size + 1)
        while block := file.read(at_once):
            made.update(block)
        return Entry(os.fstat(file.fileno()).st_size, made.hexdigest(), algorithm)


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
