"""Several rsyncs at a time over the shares of one list: who is not let in leaves its share to the others."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from typing import Final

from appliance import log
from appliance.commands import Verdict
from appliance.errors import SyncError

PAUSES: Final = (0.2, 0.5, 1.0, 2.0)
"""Seconds between the tries of a stream whose own last connection the upstream may still count."""

_FATAL: Final = (Verdict.LOCAL, Verdict.REFUSED)

_TELLING: Final = (*_FATAL, Verdict.NETWORK, Verdict.BUSY, Verdict.MOVED)
"""Of several errors the first in this order is told: what ends a fetch before what only leaves a hole in it."""


class Streams:
    """Fetches shares, given by their numbers, up to so many at a time as are let in.

    ``fetch`` brings one share and returns the bytes received; what it raises decides: a full disk, or a refusal, ends
    all streams, since none would fare better. Where the upstream moved, rsync has fetched the rest, and so do the
    others. One that is not let in, or loses its connection, ends alone, and the others take its share: many upstreams,
    and firewalls before them, allow few connections of one client. What a stream got half stays for the next try.
    """

    def __init__(self, shares: int, fetch: Callable[[int], Awaitable[int]], where: str) -> None:
        self._left, self._fetch, self._where = deque(range(shares)), fetch, where
        self._errors: list[SyncError] = []
        self._fetched = self._received = 0

    async def run(self, streams: int) -> int:
        """Returns the bytes received when every share is here. Raises the most telling SyncError when one is not."""
        await self._together(min(streams, len(self._left)))
        if self._left and self._fetched:
            await self._stream(PAUSES)
        if self._left:
            raise most_telling(self._errors)
        for error in self._errors:
            if error.verdict is Verdict.MOVED:
                raise error
        if self._errors:
            fact = most_telling(self._errors).fact
            log.event("fetched over fewer connections than wanted", upstream=self._where, reason=fact)
        return self._received

    async def _together(self, streams: int) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(streams):
                    group.create_task(self._stream())
        except ExceptionGroup as fatal:
            others = [error for error in fatal.exceptions if not isinstance(error, SyncError)]
            errors = [error for error in fatal.exceptions if isinstance(error, SyncError)]
        else:
            return
        raise others[0] if others else most_telling(errors)

    async def _stream(self, patience: Iterable[float] = ()) -> None:
        """One share after the other. Who got in before is patient when he is not let in again."""
        pauses = iter(patience)
        while self._left:
            share = self._left.popleft()
            error = await self._trouble(share)
            if error is None:
                pauses = iter(PAUSES)
                continue
            self._left.appendleft(share)
            pause = next(pauses, None) if error.verdict is Verdict.BUSY else None
            if pause is None:
                return
            await asyncio.sleep(pause)

    async def _trouble(self, share: int) -> SyncError | None:
        """Why a share is not here, None when its stream has done what it could. Raises SyncError for what ends all."""
        try:
            received = await self._fetch(share)
        except SyncError as error:
            if error.verdict in _FATAL:
                raise
            self._errors.append(error)
            if error.verdict is not Verdict.MOVED:
                return error
            received = 0
        self._received += received
        self._fetched += 1
        return None


def most_telling(errors: Iterable[SyncError]) -> SyncError:
    """The one that an operator has to know."""
    return min(errors, key=lambda error: _TELLING.index(error.verdict))
