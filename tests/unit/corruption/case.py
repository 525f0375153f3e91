"""A way to corrupt an upstream, and what such ways are made of."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from tests.unit.upstream import INDEX, DebianTree

DAY: Final = 86400.0
SUITE: Final = "dists/s"
PACKAGES: Final = f"{SUITE}/{INDEX}"


@dataclass(frozen=True)
class Case:
    """One way to corrupt an upstream: what is done to it, and what a person must be told."""

    corrupt: Callable[[DebianTree], None]
    words: str
    updated: bool

    def __str__(self) -> str:
        return self.corrupt.__name__


CASES: list[Case] = []


def case(words: str, updated: bool = True) -> Callable[[Callable[[DebianTree], None]], Callable[[DebianTree], None]]:
    """A corruption of an upstream that was just updated, or of one that has nothing new."""

    def take(corrupt: Callable[[DebianTree], None]) -> Callable[[DebianTree], None]:
        CASES.append(Case(corrupt, words, updated))
        return corrupt

    return take


def flip(archive: DebianTree, path: str, times: bool = True) -> None:
    """Change one bit in the middle of a file; size and times stay, the latter only when asked to."""
    file = archive.root / path
    before, data = file.stat(), bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    moment = before.st_mtime_ns if times else before.st_mtime_ns - 7 * 10**9
    os.utime(file, ns=(moment, moment))


def cut(archive: DebianTree, path: str, to: float = 0.5) -> None:
    file = archive.root / path
    os.truncate(file, int(file.stat().st_size * to))


def drop(archive: DebianTree, path: str) -> None:
    (archive.root / path).unlink()


def reindex(archive: DebianTree, text: str) -> None:
    """Replace the index of binary packages by another one, signed."""
    archive.index(INDEX, text)
    archive.seal()
