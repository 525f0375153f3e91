"""What is not as it should be."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Notice:
    """What is wrong with a subject since when, or that it was ``over`` then: as a channel is told of it."""

    condition: str
    subject: str
    reason: str
    since: float
    over: float | None
