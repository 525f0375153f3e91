"""That who has joined, and who is no member any more, is so for our programs too."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable
from typing import Final

from appliance import log
from appliance.errors import ApplianceError
from appliance.joining.member import overlaps
from appliance.store import Store

_SOON: Final = 60.0
"""Seconds until what could not be put in force is tried again."""


class InForce:
    """Who is a member by the store, put in force by ``renew``: at once, and when an old password ends."""

    def __init__(self, store: Store) -> None:
        self._store, self._is_current, self._changed = store, True, asyncio.Event()
        self.renew: Callable[[], object] = lambda: None

    def outdate(self) -> None:
        """The store has changed."""
        self._is_current = False

    def put(self) -> None:
        """Put in force what is not yet. What fails is tried again by whoever comes next, and soon by ourselves.

        Raises what ``renew`` does.
        """
        if not self._is_current:
            self._changed.set()
            self.renew()
            self._is_current = True

    async def work(self) -> None:
        """Take out of force what is no longer good, until cancelled."""
        while True:
            self._changed.clear()
            try:
                async with asyncio.timeout(self._pause(time.time())):
                    await self._changed.wait()
            except TimeoutError:
                self.outdate()
            try:
                self.put()
            except (ApplianceError, OSError, sqlite3.Error) as error:
                log.trouble("changed memberships are not in force yet", reason=str(error))

    def _pause(self, now: float) -> float | None:
        """Seconds until the next password ends; None when none does."""
        if not self._is_current:
            return _SOON
        ends = [one.before_until for one in self._store.members() if overlaps(one, now)]
        return min(ends) - now + 0.1 if ends else None
