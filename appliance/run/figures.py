"""What one run is asked, what it counts, and to whom it reports."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

from appliance.sync.changes import NONE
from appliance.sync.count import Count
from appliance.sync.plan import Plan

STAGES: Final = ("plan", "upstream", "payload", "tree", "index", "verify", "publish")
"""Where a run can be; ``upstream`` is waiting for one that is being updated, ``tree`` for the mirrors below."""


@dataclass(slots=True)
class Figures:
    """What a run has done so far; ``planner`` is what made its plan.

    ``stage`` is where it is now, ``since`` (monotonic seconds) when that began and ``fetched_before`` the bytes that
    had travelled by then. ``arriving`` and ``staging`` count the two fetches of its newest plan, of payload and of
    index; ``differences`` are the paths that the comparison before has found so far, ``plans`` how many plans it made;
    ``spent`` are the seconds of the stages that have ended.
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
    since: float = field(default_factory=time.monotonic)
    fetched_before: int = 0
    differences: int = 0
    plans: int = 0
    spent: dict[str, float] = field(default_factory=dict)

    def enter(self, stage: str) -> None:
        """A stage begins."""
        self.leave()
        self.stage, self.since, self.fetched_before = stage, time.monotonic(), self.fetched

    def leave(self) -> None:
        """The stage has ended: count its time."""
        now = time.monotonic()
        self.spent[self.stage] = self.spent.get(self.stage, 0.0) + now - self.since
        self.since = now

    def expect(self, work: Plan, to_the_end: bool) -> None:
        """A plan is made: payload of an earlier one is in the tree, what was staged is looked at again."""
        self.plans += 1
        self.arriving.expect(work.payload)
        self.staging.restart()
        self.staging.expect(work.index if to_the_end else NONE)

    @property
    def planned_files(self) -> int:
        """Files that the newest plan is about."""
        return self.arriving.planned_files + self.staging.planned_files

    @property
    def planned_bytes(self) -> int:
        """Their bytes."""
        return self.arriving.planned_bytes + self.staging.planned_bytes

    @property
    def files(self) -> int:
        """Those of them that are here."""
        return self.arriving.files + self.staging.files

    @property
    def bytes_here(self) -> int:
        """The bytes of these."""
        return self.arriving.bytes + self.staging.bytes

    @property
    def fetched(self) -> int:
        """Bytes that travelled for files that are here."""
        return self.arriving.fetched + self.staging.fetched


@dataclass(frozen=True, slots=True)
class Permits:
    """What a run may or must do beyond the usual.

    ``deletes``: more than the guard lets through; ``rollback``: go back to an older state; ``full``: compare
    everything, whatever the upstream's journal says.
    """

    deletes: bool = False
    rollback: bool = False
    full: bool = False


def _always() -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Reports:
    """Who waits for a run to get so far.

    ``payload_is_here`` is awaited when the payload is in the tree; ``verified`` when a publication fits together and
    is about to begin, with whether there was new payload for it. ``news`` is set when somebody asks again meanwhile.
    ``staged`` tells whether mirrors below fetch payload ahead of a publication: they are to find what that brings.
    """

    payload_is_here: Callable[[], Awaitable[None]]
    verified: Callable[[bool], Awaitable[None]]
    news: asyncio.Event = field(default_factory=asyncio.Event)
    staged: Callable[[], bool] = _always
