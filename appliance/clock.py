"""Two clocks for what has to wait: the time of day may jump, what has passed since our start may not."""

from __future__ import annotations

import time
from typing import Final

_BEGAN: Final = time.time() - time.monotonic()


def steady() -> float:
    """Epoch seconds by the time of day at our start and by what has passed since then."""
    return _BEGAN + time.monotonic()


def earliest() -> float:
    """What time it is at least: for asking whether something has waited for long enough."""
    return min(time.time(), steady())


def latest() -> float:
    """What time it is at most: for noting since when something waits."""
    return max(time.time(), steady())


def minute(moment: float) -> str:
    """A moment (epoch seconds) as people are told it, to the minute: ``2026-11-21 20:15 UTC``."""
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(moment))
