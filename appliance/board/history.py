"""How the last runs of an archive went, as a strip of bars: the older to the left, the longer the higher."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from appliance.board import saying
from appliance.records import Run

BAR: Final = 8.0
"""Width of a bar and the gap behind it."""

HIGHEST: Final = 36.0
LOWEST: Final = 4.0
_LONG: Final = 3600.0
"""Seconds of a run whose bar is the highest; the scale is logarithmic."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One run."""

    x: float
    height: float
    result: str
    title: str


@dataclass(frozen=True, slots=True)
class Strip:
    """All of them, and what they come to."""

    bars: tuple[Bar, ...]
    says: str

    @property
    def width(self) -> float:
        """Of the whole strip."""
        return max(1, len(self.bars)) * BAR


def strip(runs: Sequence[Run]) -> Strip:
    """The strip of runs that come newest first."""
    ended = [run for run in reversed(runs) if run.ended is not None]
    bars = tuple(_bar(place, run) for place, run in enumerate(ended))
    failed = sum(1 for run in ended if run.result == "error")
    return Strip(bars, f"last {saying.some(len(ended), 'run')}, {failed or 'none'} failed" if ended else "no runs yet")


def _bar(place: int, run: Run) -> Bar:
    seconds = max(0.0, (run.ended or run.started) - run.started)
    part = min(1.0, math.log1p(seconds) / math.log1p(_LONG))
    title = f"run {run.id}, {saying.moment(run.started)}: {run.result}, {saying.span(seconds)}"
    return Bar(place * BAR, round(LOWEST + part * (HIGHEST - LOWEST), 1), run.result or "", title)
