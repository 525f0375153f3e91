"""What one run is asked, what it counts, and to whom it reports."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from appliance.sync.count import Count


@dataclass(slots=True)
class Figures:
    """What a run has done so far; ``stage`` is where it is now, ``planner`` what made its plan.

    ``arriving`` and ``staging`` count the two fetches of its newest plan, of payload and of index.
    """

    stage: str = "plan"
    planner: str = ""
    payload: int = 0
    index: int = 0
    deleted: int = 0
    bytes: int = 0
    payload_seconds: float = 0
    index_seconds: float = 0
    arriving: Count = field(default_factory=Count)
    staging: Count = field(default_factory=Count)


@dataclass(frozen=True, slots=True)
class Permits:
    """What a run may or must do beyond the usual: delete more than the guard lets through, go back to an older state,

    compare everything whatever the upstream's journal says.
    """

    deletes: bool = False
    rollback: bool = False
    full: bool = False


@dataclass(frozen=True, slots=True)
class Reports:
    """Who waits for a run to get so far.

    ``payload_is_here`` is awaited when the payload is in the tree; ``verified`` when a publication fits together and
    is about to begin, with whether there was new payload for it.
    """

    payload_is_here: Callable[[], Awaitable[None]]
    verified: Callable[[bool], Awaitable[None]]
