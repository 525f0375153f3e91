"""How far a run is, whoever asks: its counts, what is being written just now, its pace."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from appliance.run.figures import Figures
from appliance.run.pace import Pace
from appliance.sync.flight import Flight
from appliance.sync.staging import Staging

FETCHING = ("payload", "index")


@dataclass(frozen=True, slots=True)
class Progress:
    """One look at a run. Files and bytes are those of its newest plan, payload and index together.

    ``bytes`` are here, wherever they came from; ``fetched_bytes`` travelled, and ``bytes_per_second`` is about these.
    ``differences`` are the paths that a comparison has found so far. What is not known (yet) is None.
    """

    run: int
    stage: str
    stage_seconds: float
    planned_files: int
    files: int
    planned_bytes: int
    bytes: int
    fetched_bytes: int
    bytes_per_second: float | None
    remaining_seconds: float | None
    differences: int


class Meter:
    """Measures one run; costs nothing but when somebody looks, and every onlooker sees the same."""

    def __init__(
        self, run: int, figures: Figures, staging: Staging, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._run, self._figures, self._flight, self._clock = run, figures, Flight(staging), clock
        self._stage: tuple[str, int] = ("", 0)
        self._plan = self._most = self._travelled = 0
        self._pace = Pace(clock(), 0)

    def look(self) -> Progress:
        """How far it is now."""
        figures, now = self._figures, self._clock()
        growing, travelling = self._flight.look() if figures.stage in FETCHING else (0, 0)
        done = self._done(growing)
        self._travelled = max(self._travelled, figures.fetched + travelling)
        left = figures.planned_bytes - done
        fetching = figures.stage in FETCHING and bool(left)
        pace = self._paced(now) if fetching else None
        return Progress(
            self._run, figures.stage, now - figures.since,
            figures.planned_files, figures.files, figures.planned_bytes, done, self._travelled,
            pace.rate if pace else None, pace.remaining(left) if pace else None, figures.differences,
        )  # fmt: skip

    def _done(self, growing: int) -> int:
        """Never less than it was of the same plan, also between the end of a file and the word of it."""
        if self._plan != self._figures.plans:
            self._plan, self._most = self._figures.plans, 0
        self._most = min(self._figures.planned_bytes, max(self._most, self._figures.bytes_here + growing))
        return self._most

    def _paced(self, now: float) -> Pace:
        """From the beginning of the stage, so that the first look at a long one knows a rate already."""
        stage = (self._figures.stage, self._figures.plans)
        if stage != self._stage:
            self._stage = stage
            self._pace = Pace(self._figures.since, self._figures.fetched_before)
        self._pace.note(now, self._travelled)
        return self._pace
