"""The end of a walk that has told everything: rsync sleeps for 20 ms before it ends, in which others may go on.

Whether all is told, only its end says: what cannot be taken back waits for that.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from types import TracebackType
from typing import Any, Self

from appliance.meanwhile import ended


class Parting:
    """One walk beyond its last word; over with the context."""

    def __init__(self) -> None:
        self._walking: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._walking:
            await ended(self._walking)

    async def begin(self, walking: Coroutine[Any, Any, None], told: asyncio.Event) -> None:
        """Return when a walk has ``told`` everything. Raises what it raises before."""
        self._walking = asyncio.create_task(walking)
        listening = asyncio.create_task(told.wait())
        try:
            await asyncio.wait((self._walking, listening), return_when=asyncio.FIRST_COMPLETED)
        finally:
            await ended(listening)
        if self._walking.done():
            await self._walking

    @property
    def is_over(self) -> bool:
        """Whether there is nothing to wait for; whether it ended well, ``over`` says."""
        return self._walking is None or self._walking.done()

    async def over(self) -> None:
        """Return when it has ended well. Raises what it raises."""
        if self._walking:
            await self._walking
