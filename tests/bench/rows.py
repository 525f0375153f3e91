"""What every section of the bench returns: rows, each one candidate at one operation, with all its runs.

A section is a function from Options to rows. It yields them as they come: a run that is cut short keeps what it has.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

SIZES: Final = (10_000, 100_000, 1_000_000)
QUICK: Final = (2_000,)

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Options:
    """What a section is asked for: trees of so many files. `quick`: once only, as small as it can be. `filled`: trees
    are copied before they are synced, for who does not want to wait for first syncs; these rows are missing then.
    """

    sizes: tuple[int, ...] = SIZES
    quick: bool = False
    filled: bool = False
    progress: Progress = print


@dataclass(frozen=True, slots=True)
class Run:
    """One measurement; what a section does not measure is None.

    `seconds` is wall time, `receiver` and `sender` are CPU seconds of each side, `memory` the bytes of the process that
    was largest on either side and `largest` its name, `controller` the bytes of ours, `wire` the bytes that the
    receiver's interface saw both ways. `waited` is the machine's iowait and `elsewhere` the CPU that neither side
    used: much of it makes the run doubtful. `rate` are answers in a second; half of the answers took `p50` seconds at
    most, and 99 of 100 `p99`.
    """

    seconds: float
    receiver: float | None = None
    sender: float | None = None
    memory: int | None = None
    largest: str = ""
    controller: int | None = None
    wire: int | None = None
    waited: float | None = None
    elsewhere: float | None = None
    rate: float | None = None
    p50: float | None = None
    p99: float | None = None

    @property
    def cpu(self) -> float | None:
        """Both sides'."""
        return None if self.receiver is None or self.sender is None else self.receiver + self.sender


@dataclass(frozen=True, slots=True)
class Row:
    """One candidate at one operation; `files` is the size of the tree where it matters.

    `reference`: the other rows of the same operation and size are compared with this one.
    """

    section: str
    operation: str
    candidate: str
    runs: tuple[Run, ...]
    files: int | None = None
    reference: bool = False

    def median(self, name: str) -> float | None:
        """Of one of a run's figures; None where it was not measured."""
        found = self.figures(name)
        return statistics.median(found) if found else None

    def figures(self, name: str) -> list[float]:
        """One of a run's figures, of all runs that have it."""
        return [value for run in self.runs if (value := getattr(run, name)) is not None]


Section = Callable[[Options], Iterator[Row]]


def reference(rows: Iterable[Row], row: Row) -> Row | None:
    """What a row is compared with."""
    same = (other for other in rows if _place(other) == _place(row) and other.reference)
    return next(same, None)


def ratio(rows: Sequence[Row], row: Row, name: str = "seconds") -> float | None:
    """How many times the reference's figure a row's is."""
    other = reference(rows, row)
    mine, its = row.median(name), other.median(name) if other else None
    return mine / its if mine is not None and its else None


def _place(row: Row) -> tuple[str, str, int | None]:
    return row.section, row.operation, row.files
