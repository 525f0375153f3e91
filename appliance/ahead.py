"""Work that is begun before its turn, beside other work: the cost of a connection is its waits, and they overlap."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

from appliance.errors import SyncError

Doing = Callable[[], Coroutine[Any, Any, None]]


class Ahead:
    """Begins with the context and ends with it, whatever becomes of it; nobody has to rely on it.

    What cannot be done now (the upstream lets in only one of us at a time, or has a file no more) is done again in its
    turn by who needs it, and fails then if it has to.
    """

    def __init__(self, doing: Doing | None) -> None:
        self._doing = doing
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        if self._doing:
            self._task = asyncio.create_task(self._doing())
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._task and not self._task.done():
            self._task.cancel()
            with suppress(asyncio.CancelledError, SyncError):
                await self._task

    @property
    def begun(self) -> bool:
        """Whether there was anything to do."""
        return self._task is not None

    async def done(self) -> bool:
        """Wait for its end; whether it was done. Raises what is no SyncError."""
        if self._task is None:
            return False
        try:
            await asyncio.shield(self._task)
        except SyncError:
            return False
        return True
