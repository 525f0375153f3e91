"""How much room a filesystem has, how much of it is kept free, and how that is told to people."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

UNLIMITED: Final = 1 << 62
"""Inodes of a filesystem that does not count them, such as btrfs."""

FORM: Final = re.compile(r"(?P<share>\d+(\.\d+)?)%|(?P<number>\d+)(?P<unit>[KMGT]?)", re.IGNORECASE)
"""A share of the filesystem (blocks and inodes alike), or bytes."""

_UNITS: Final = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}


@dataclass(frozen=True, slots=True)
class Amount:
    """Bytes and inodes."""

    bytes: int = 0
    inodes: int = 0

    def __add__(self, other: Amount) -> Amount:
        return Amount(self.bytes + other.bytes, self.inodes + other.inodes)

    def fits(self, other: Amount) -> bool:
        """Whether there is no more of it than of the other."""
        return self.bytes <= other.bytes and self.inodes <= other.inodes

    def least(self, other: Amount) -> Amount:
        """The smaller one, of both."""
        return Amount(min(self.bytes, other.bytes), min(self.inodes, other.inodes))


@dataclass(frozen=True, slots=True)
class Space:
    """A filesystem: what is ``free`` to us, what it has in ``all``; files take whole blocks of ``block`` bytes."""

    free: Amount
    all: Amount
    block: int
    read_only: bool


@dataclass(frozen=True, slots=True)
class Reserve:
    """What is kept free: a ``share`` of the filesystem, or a number of ``bytes``."""

    share: float = 0.0
    bytes: int = 0

    def __str__(self) -> str:
        """A text of FORM."""
        return f"{self.share * 100:g}%" if self.share else str(self.bytes)

    def of(self, space: Space) -> Amount:
        """What that is of this filesystem."""
        if self.share:
            inodes = 0 if space.all.inodes == UNLIMITED else int(space.all.inodes * self.share)
            return Amount(int(space.all.bytes * self.share), inodes)
        return Amount(self.bytes)


def reserve(text: str) -> Reserve:
    """Read a text of FORM; raises ValueError for any other, and for a share that leaves nothing."""
    found = FORM.fullmatch(text.strip())
    if not found:
        raise ValueError(text)
    if found["share"] is None:
        return Reserve(bytes=int(found["number"]) * _UNITS[found["unit"].upper()])
    if (share := float(found["share"]) / 100) >= 1:
        raise ValueError(text)
    return Reserve(share=share)


def look(place: Path) -> Space:
    """The filesystem that a path is on, as it is now. Raises OSError."""
    seen = os.statvfs(place)
    counts = seen.f_files > 0
    return Space(
        Amount(seen.f_bavail * seen.f_frsize, seen.f_favail if counts else UNLIMITED),
        Amount(seen.f_blocks * seen.f_frsize, seen.f_files if counts else UNLIMITED),
        seen.f_frsize,
        bool(seen.f_flag & os.ST_RDONLY),
    )


def fullest(places: Iterable[Path]) -> Path:
    """The one of them with the fewest bytes left on its filesystem, or no inode; what cannot be looked at has most."""
    return min(places, key=_room)


def _room(place: Path) -> float:
    try:
        free = look(place).free
    except OSError:
        return math.inf
    return free.bytes if free.inodes else 0


def spell(size: float) -> str:
    """Bytes for people, such as 1.2 GB: by thousands, as disks are sold."""
    for unit in ("B", "kB", "MB", "GB"):
        if size < 999.5:
            return f"{size:.0f} {unit}" if unit == "B" or size >= 99.95 else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"
