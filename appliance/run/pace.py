"""How fast something grows, steadily enough for a person, and how long the rest takes at that."""

from __future__ import annotations

from collections import deque
from typing import Final

WINDOW: Final = 30.0
"""Seconds over which a rate is averaged."""

APART: Final = 1.0
"""Seconds between two samples that are kept."""


class Pace:
    """The average growth over the last WINDOW seconds, from however few or many looks at it."""

    def __init__(self, now: float, amount: float) -> None:
        self._samples = deque([(now, amount)])

    def note(self, now: float, amount: float) -> None:
        """It is so much at that time; both never fall."""
        if now - self._samples[-1][0] >= APART:
            self._samples.append((now, amount))
        while len(self._samples) > 2 and now - self._samples[1][0] >= WINDOW:
            self._samples.popleft()

    @property
    def rate(self) -> float | None:
        """Per second; None as long as that is not known."""
        (begin, least), (end, most) = self._samples[0], self._samples[-1]
        return (most - least) / (end - begin) if end > begin else None

    def remaining(self, left: float) -> float | None:
        """Seconds for so much more; None when nobody can tell."""
        if not left:
            return 0.0
        return left / self.rate if self.rate else None
