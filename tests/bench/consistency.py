"""What readers meet while mirrors sync: all mirrors at once below one origin, in two regimes.

*quiet*: the origin publishes, everybody syncs, and only when the last one is done it publishes again.
*busy*: the origin publishes at a steady pace, and everybody syncs again and again meanwhile.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event
from typing import Final

from tests.bench.archive import Archive
from tests.bench.mirrors import ARCHIVE, HTTP, Subject
from tests.bench.reader import Reader, Tally
from tests.ground.waiting import wait_for

SETTLED: Final = 60.0
"""Seconds in which a mirror whose upstream rests must have the same tree: a sync, the grace time, and one more."""

STEP: Final = 20
"""Publications from one line of progress to the next."""

Progress = Callable[[str], None]


@dataclass(slots=True)
class Syncs:
    """The syncs of one mirror: the seconds of each, and how many of them failed."""

    seconds: list[float] = field(default_factory=list)
    failed: int = 0

    @property
    def median(self) -> float:
        """Seconds."""
        return statistics.median(self.seconds)


@dataclass(slots=True)
class Result:
    """One mirror in one regime; `differences` are what its tree has otherwise than the origin's when all is over."""

    kind: str
    reads: Tally
    syncs: Syncs = field(default_factory=Syncs)
    differences: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Regime:
    """A whole regime: how many publications there were, in how many seconds, and what became of each mirror."""

    name: str
    publications: int
    results: Sequence[Result]
    seconds: float = 0


class Comparison:
    """An archive and the mirrors below it, already filled."""

    def __init__(self, archive: Archive, subjects: Sequence[Subject], progress: Progress) -> None:
        self._archive, self._subjects, self._progress = archive, subjects, progress
        # A reader and a syncing thread for each, and the publisher.
        self._threads = ThreadPoolExecutor(2 * len(subjects) + 1)

    def fill(self) -> None:
        """The first publication, and everybody's first sync."""
        self._archive.publish()
        for subject in self._subjects:
            self._progress(f"first sync of {subject.kind}")
            wait_for(subject.sync, SETTLED, f"{subject.kind} syncs")

    def quiet(self, publications: int) -> Regime:
        """The upstream changes between syncs only."""
        with self._regime("quiet", publications) as regime:
            for number in range(publications):
                self._archive.publish()
                self._count("quiet", number, publications)
                self._everybody(regime, _sync)
        return regime

    def busy(self, publications: int, pause: float) -> Regime:
        """The upstream changes during syncs: every `pause` seconds there is a publication."""
        with self._regime("busy", publications) as regime:
            over = Event()
            publishing = self._threads.submit(self._publish, publications, pause, over)
            try:
                self._everybody(regime, lambda subject, result: _sync_until(over, subject, result))
            finally:
                over.set()
            publishing.result()
        return regime

    def _publish(self, publications: int, pause: float, over: Event) -> None:
        """So many publications, and `over` behind them; fewer when it is over before."""
        due = time.monotonic()
        try:
            for number in range(publications):
                self._archive.publish()
                self._count("busy", number, publications)
                due += pause
                if over.wait(max(0.0, due - time.monotonic())):
                    return
        finally:
            over.set()

    def _count(self, name: str, number: int, publications: int) -> None:
        if number % STEP == 0:
            self._progress(f"{name}: publication {number + 1} of {publications}")

    @contextmanager
    def _regime(self, name: str, publications: int) -> Iterator[Regime]:
        """Readers are at work for the time of the block; behind it everybody syncs in peace, and trees are compared."""
        readers = [Reader(subject.host, HTTP, ARCHIVE, seed) for seed, subject in enumerate(self._subjects)]
        pairs = zip(self._subjects, readers, strict=True)
        regime = Regime(name, publications, [Result(subject.kind, reader.tally) for subject, reader in pairs])
        stop, started = Event(), time.monotonic()
        reading = [self._threads.submit(reader.read_until, stop) for reader in readers]
        try:
            yield regime
            regime.seconds = time.monotonic() - started
        finally:
            stop.set()
        for each in reading:
            each.result()
        self._progress(f"{name}: the last sync")
        self._everybody(regime, _settle)

    def _everybody(self, regime: Regime, do: Callable[[Subject, Result], None]) -> None:
        """Does it with all mirrors at the same time."""
        list(self._threads.map(do, self._subjects, regime.results))


def _sync(subject: Subject, result: Result) -> None:
    started = time.monotonic()
    result.syncs.failed += not subject.sync()
    result.syncs.seconds.append(time.monotonic() - started)


def _sync_until(over: Event, subject: Subject, result: Result) -> None:
    while not over.is_set():
        _sync(subject, result)


def _settle(subject: Subject, result: Result) -> None:
    end = time.monotonic() + SETTLED
    while True:
        subject.sync()
        result.differences = subject.differences()
        if not result.differences or time.monotonic() > end:
            return
