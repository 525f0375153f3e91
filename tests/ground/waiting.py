"""The one place of the tests where time passes on purpose: waiting for a state, up to a deadline."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final, Self, TypeVar

Seen = TypeVar("Seen")

INTERVAL: Final = 0.1
LEAST: Final = 60.0
"""Seconds that any state may take, because a machine may stall: they pass only where a test fails. What has to be there
sooner is measured."""


class LateError(AssertionError):
    """A state did not come in time; says which, and what was seen last."""


def wait_for(look: Callable[[], Seen], deadline: float, what: str, interval: float = INTERVAL) -> Seen:
    """The first truthy thing `look` returns; LateError when there is none within `deadline` seconds, LEAST at least."""
    deadline = max(deadline, LEAST)
    end = time.monotonic() + deadline
    while not (seen := look()):
        if time.monotonic() > end:
            raise LateError(f"not within {deadline:.0f} s: {what} (seen last: {seen!r})")
        time.sleep(interval)
    return seen


class Stopwatch:
    """How long a block takes as far as this machine goes on meanwhile: when it stalls, its clocks run and nothing else.

    A thread that wants to wake up at every tick sees that: of a longer sleep only a little is counted.
    """

    TICK: Final = 0.05
    MOST: Final = 5 * TICK

    def __init__(self) -> None:
        self.seconds = 0.0
        self._over = threading.Event()
        self._ticking = threading.Thread(target=self._tick, daemon=True)

    def __enter__(self) -> Self:
        self._ticking.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._ticking.join()

    def _tick(self) -> None:
        is_over, last = False, time.monotonic()
        while not is_over:
            is_over, now = self._over.wait(self.TICK), time.monotonic()
            self.seconds, last = self.seconds + min(now - last, self.MOST), now
