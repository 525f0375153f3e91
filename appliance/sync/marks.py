"""Which files were looked at already, in four megabytes."""

from __future__ import annotations

from array import array
from typing import Final

MOST: Final = 340_000
"""More than what the architectures of a suite share."""

_WORD: Final = (1 << 64) - 1
_FIRST: Final = 1 << 10
_EMPTY: Final = array("Q", [0])


class Marks:
    """A set of numbers of 64 bits each, such as hashes, in a table that is never more than two thirds full.

    The numbers of a ``set`` take 32 bytes each, and their places in it as much again. With more than ``most`` of them
    it begins anew: a mark saves time, and means nothing else.
    """

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._clear()

    def _clear(self) -> None:
        self._table = _EMPTY * _FIRST
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __contains__(self, mark: int) -> bool:
        return bool(self._table[self._place(mark & _WORD or 1)])

    def add(self, mark: int) -> bool:
        """Put one in; whether it was not there before."""
        if self._count >= self._most:
            self._clear()
        word = mark & _WORD or 1  # nought is an empty place
        place = self._place(word)
        if self._table[place]:
            return False
        self._table[place] = word
        self._count += 1
        if 3 * self._count > 2 * len(self._table):
            self._grow()
        return True

    def _place(self, word: int) -> int:
        """Where it is, or where it would be."""
        table = self._table
        last = len(table) - 1
        place = word & last
        while (held := table[place]) and held != word:
            place = (place + 1) & last
        return place

    def _grow(self) -> None:
        words = self._table
        self._table = _EMPTY * (2 * len(words))
        for word in words:
            if word:
                self._table[self._place(word)] = word
