"""When what failed is tried again: each cause has its own pace."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from appliance.commands import Verdict
from appliance.errors import ApplianceError, SyncError
from appliance.run.hooks import HookError


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds before the first retry, doubled with each failure of the same cause, up to the longest."""

    first: float
    longest: float


PACES: Final[Mapping[Verdict, Pace]] = {
    Verdict.MOVED: Pace(15, 900),  # a run has tried it several times at once before it says so
    Verdict.NETWORK: Pace(15, 900),
    Verdict.BUSY: Pace(60, 1800),
    Verdict.LOCAL: Pace(30, 300),  # whoever makes room wants to see it used
}
"""What is not here a retry does not change: it waits for an operator, or for the next trigger."""

JITTER: Final = 0.2
"""Share by which a pause is longer or shorter, so that a tree of mirrors does not come at once."""

LONGEST: Final = max(pace.longest for pace in PACES.values()) * (1 + JITTER)
"""No pause is longer (seconds)."""


def cause_of(error: ApplianceError) -> str:
    """One word for what kind of trouble it is: a verdict's, ``hook``, or ``fault`` for one of our own."""
    if isinstance(error, SyncError):
        return error.verdict.value
    return "hook" if isinstance(error, HookError) else "fault"


def pause(error: ApplianceError, in_a_row: int) -> float | None:
    """Seconds until the next try after so many failures of the same cause; None when a retry is no use."""
    pace = PACES.get(error.verdict) if isinstance(error, SyncError) else None
    if pace is None:
        return None
    usual: float = min(pace.longest, pace.first * 2 ** min(max(in_a_row, 1) - 1, 16))
    return usual * random.uniform(1 - JITTER, 1 + JITTER)
