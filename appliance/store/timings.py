"""How long things took, counted by how long: what Prometheus calls a histogram, and what survives a restart."""

from __future__ import annotations

import bisect
import math
from dataclasses import dataclass
from typing import Final

from appliance.store.database import Database

BOUNDS: Final = (0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 120, 300, 900, 3600, 14400, 28800, 86400, math.inf)
"""Seconds: from a push that changes nothing to a mirror that nobody may list any more (8 and 24 hours)."""

RUN: Final = "run"
"""A run of an archive, by its kind and its result."""
STAGE: Final = "stage"
"""A stage of a run, by its name."""
PROPAGATION: Final = "propagation"
"""From a publication here to the first sight of it elsewhere, by the mirror and its tier."""


@dataclass(frozen=True, slots=True)
class Timing:
    """Every time that something took: ``counts`` are those up to each of BOUNDS and above the one before it."""

    archive: str
    subject: str
    word: str
    counts: tuple[int, ...]
    seconds: float


class Timings(Database):
    """The table of timings."""

    def timings(self, measure: str) -> list[Timing]:
        """All of one measure, by archive, subject and word."""
        found: dict[tuple[str, str, str], tuple[list[int], float]] = {}
        for row in self._all("select * from timing where measure = ?", measure):
            key = (row["archive"], row["subject"], row["word"])
            counts, seconds = found.setdefault(key, ([0] * len(BOUNDS), 0.0))
            counts[bisect.bisect_left(BOUNDS, row["bound"])] += row["count"]
            found[key] = (counts, seconds + row["seconds"])
        return [Timing(*key, tuple(counts), seconds) for key, (counts, seconds) in sorted(found.items())]

    def _time(self, measure: str, archive: str, subject: str, word: str, seconds: float) -> None:
        """Count something that took so long, in the transaction that is open; a clock set back makes it 0."""
        seconds = max(0.0, seconds)
        bound = BOUNDS[bisect.bisect_left(BOUNDS, seconds)]
        self._db.execute(
            "insert into timing values (?, ?, ?, ?, ?, 1, ?)"
            " on conflict do update set count = count + 1, seconds = seconds + excluded.seconds",
            (measure, archive, subject, word, bound, seconds),
        )
