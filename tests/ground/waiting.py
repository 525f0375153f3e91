"""The one place of the tests where time passes on purpose: waiting for a state, up to a deadline."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final, TypeVar

Seen = TypeVar("Seen")

INTERVAL: Final = 0.1


class LateError(AssertionError):
    """A state did not come in time; says which, and what was seen last."""


def wait_for(look: Callable[[], Seen], deadline: float, what: str, interval: float = INTERVAL) -> Seen:
    """The first truthy thing `look` returns; LateError when there is none within `deadline` seconds."""
    end = time.monotonic() + deadline
    while not (seen := look()):
        if time.monotonic() > end:
            raise LateError(f"not within {deadline:.0f} s: {what} (seen last: {seen!r})")
        time.sleep(interval)
    return seen
