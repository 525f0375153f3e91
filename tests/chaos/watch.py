"""Readers at every mirror, all the time; what they met that does not fit together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Final, Self

from tests.bench.reader import Finding, Read, Reader, Way
from tests.chaos.web import ARCHIVE, PORT

PAUSE: Final = 0.1
"""Seconds between two reads of one reader: it shall not be what the mirrors are busy with."""

EXCUSED: Final = frozenset({Finding.CONSISTENT, Finding.NO_ANSWER})
"""Nobody promises that a mirror without power answers."""


class Watch:
    """One reader at each address; leaving the block ends them."""

    def __init__(self, hosts: Iterable[str]) -> None:
        self._readers = [Reader(host, PORT, ARCHIVE, seed) for seed, host in enumerate(hosts)]
        self._threads = ThreadPoolExecutor(len(self._readers))
        self._stop = Event()
        self._seen: Counter[Read] = Counter()

    def __enter__(self) -> Self:
        for reader in self._readers:
            self._threads.submit(reader.read_until, self._stop, PAUSE)
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._threads.shutdown()

    def news(self) -> Counter[Read]:
        """What was read since the last call."""
        total: Counter[Read] = sum((Counter(dict(reader.tally.reads)) for reader in self._readers), Counter())
        found, self._seen = total - self._seen, total
        return found

    def examples(self) -> list[str]:
        """The last reads that were wrong, in words."""
        return [text for reader in self._readers for text in list(reader.tally.examples)]


def inconsistent(reads: Counter[Read]) -> int:
    """How many of the reads a mirror has to answer for.

    By hash every one; by plain names not those that a publication came into (InRelease was another one right after it).
    """
    return sum(
        count
        for read, count in reads.items()
        if read.finding not in EXCUSED and (read.way is Way.BY_HASH or not read.replaced)
    )
