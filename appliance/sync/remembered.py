"""What files were found to be when they were read, as long as they have not changed since."""

from __future__ import annotations

import hashlib
import os
from typing import Final

from appliance.sync.marks import Marks

ALGORITHM: Final = "sha256"
"""The only digest that is remembered: what nearly every index lists."""

MOST: Final = 340_000
"""Files, in 8 MB; behind so many it begins anew, and what was forgotten is read."""

_KEY_BYTES: Final = 32


class Remembered:
    """Which file has which content. Only to be asked about a file that has just been looked at.

    A file counts as unchanged as long as device, inode, size and both times are the same: no program can set ``ctime``.
    Of each, 128 bits are kept that are made with a key which nobody knows, so that no file can be made to fit.
    """

    def __init__(self) -> None:
        self._key = os.urandom(_KEY_BYTES)
        self._marks = Marks(MOST), Marks(MOST)

    def add(self, status: os.stat_result, digest: str) -> None:
        """The content of the file with this status has this SHA256 (hexadecimal)."""
        for marks, word in zip(self._marks, self._words(status, digest), strict=True):
            marks.add(word)

    def __len__(self) -> int:
        return len(self._marks[0])

    def has(self, status: os.stat_result, digest: str) -> bool:
        """Whether that is known."""
        words = zip(self._marks, self._words(status, digest), strict=True)
        return all(word in marks for marks, word in words)

    def _words(self, status: os.stat_result, digest: str) -> tuple[int, int]:
        facts = b"%d %d %d %d %d %s" % (*identity(status), digest.encode())  # of any size: an upstream sets times
        made = hashlib.blake2b(facts, digest_size=16, key=self._key).digest()
        return int.from_bytes(made[:8], "little"), int.from_bytes(made[8:], "little")


def identity(status: os.stat_result) -> tuple[int, int, int, int, int]:
    """What is another one when a file, or what is in it, is another one."""
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
