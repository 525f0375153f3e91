"""Published indices that are about to be replaced, read while the new ones are still on their way."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Protocol, Self

from appliance.sync.entry import Reference
from appliance.sync.news import Naming, Worded, few

MOST: Final = 4 << 20
"""Bytes of stanzas that are kept of one update, in all."""

FEW: Final = 16
"""Indices that are read for one update: of more, those that were told of first."""


class Index(Naming, Worded, Protocol):
    """An index that is made of stanzas."""


@dataclass(frozen=True, slots=True)
class Read:
    """An index whose stanzas were read."""

    index: Index
    kept: list[bytes]

    @property
    def path(self) -> str:
        """Its path in the archive."""
        return self.index.path

    def references(self) -> Iterator[Reference]:
        """Every file it names. Raises ValueError when it cannot be read."""
        return self.index.references()

    def stanzas(self) -> Iterator[list[bytes]]:
        """Their texts, all at once."""
        yield self.kept

    def named_in(self, stanza: bytes) -> Iterator[Reference]:
        """The files that one of them names. Raises ValueError when it cannot be read."""
        return self.index.named_in(stanza)


class Beforehand:
    """Reads what is expected to be asked for, one after the other in a thread; nobody has to rely on it.

    What is not small, cannot be read or came too late is what it was. All is forgotten with the context.
    """

    def __init__(self) -> None:
        self._reader: ThreadPoolExecutor | None = None
        self._reading: dict[Naming, Future[Read | None]] = {}
        self._room = MOST

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.forget()

    def forget(self) -> None:
        """Nobody will ask for what was expected: it is not worth its memory."""
        if self._reader:
            self._reader.shutdown(wait=False, cancel_futures=True)
        self._reader, self._room = None, MOST
        self._reading.clear()

    @property
    def has_room(self) -> bool:
        """Whether more may be expected."""
        return len(self._reading) < FEW

    def expect(self, index: Index) -> None:
        """Somebody is about to ask for it."""
        if index not in self._reading and self.has_room:
            self._reader = self._reader or ThreadPoolExecutor(1, "beforehand")
            self._reading[index] = self._reader.submit(self._read, index)

    def known(self, index: Naming) -> Naming:
        """The same index; who asks while it is being read waits for that. It is kept for the first who asks only."""
        reading = self._reading.pop(index, None)
        try:
            return (reading.result() if reading else None) or index
        except CancelledError:
            return index

    def _read(self, index: Index) -> Read | None:
        try:
            kept = few(index) if self._room > 0 else None
        except ValueError:
            return None
        self._room -= sum(map(len, kept or ()))
        return Read(index, kept) if kept is not None and self._room >= 0 else None
