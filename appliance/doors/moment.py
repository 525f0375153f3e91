"""What was made a moment ago, for everybody who asks now: to ask all the time costs no more than to ask now and then.

A large tree takes its tens of milliseconds to be told of, in which no trigger is taken.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from typing import Final, Generic, TypeVar

from appliance.bell import Bell

MOMENT: Final = 0.25
"""Seconds that an answer is good for while nothing has changed."""

_Key = TypeVar("_Key", bound=Hashable)
_Made = TypeVar("_Made")


class Moment(Generic[_Key, _Made]):
    """What ``make`` has made of each key; ``still`` and ``changed`` are the seconds that it is good for.

    Whatever can be seen to change rings the ``bell``. There are never more keys than the caller has.
    """

    def __init__(self, bell: Bell, make: Callable[[_Key], _Made], still: float = MOMENT, changed: float = 0.0) -> None:
        self._bell, self._make = bell, make
        self._still, self._changed = still, changed
        self._kept: dict[_Key, tuple[int, float, _Made]] = {}

    def of(self, key: _Key) -> _Made:
        """It, made anew when it is no longer good."""
        count, now = self._bell.count, time.monotonic()
        known = self._kept.get(key)
        if known and now - known[1] < (self._still if known[0] == count else self._changed):
            return known[2]
        made = self._make(key)
        self._kept[key] = count, now, made
        return made
