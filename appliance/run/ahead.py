"""Work that is begun before its turn, beside other work: what a connection costs is mostly waits, and they overlap."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from types import TracebackType
from typing import Any, Self, TypeVar

from appliance.commands import Verdict
from appliance.errors import SyncError
from appliance.meanwhile import ended
from appliance.sync.streams import PAUSES

T = TypeVar("T")


class Ahead:
    """Begins with the context and is over when that ends; nobody has to rely on it.

    What cannot be done now (the upstream lets in only one of us, or has a file no more) is done again in its turn by
    who needs it, and fails then if it has to. Without anything to do it is never done.
    """

    def __init__(self, doing: Callable[[], Coroutine[Any, Any, None]] | None) -> None:
        self._doing = doing
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        if self._doing and self._task is None:
            self._task = asyncio.create_task(self._doing())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._task:
            return
        await ended(self._task)
        fault = None if self._task.cancelled() else self._task.exception()
        if fault and not isinstance(fault, SyncError) and not isinstance(error, asyncio.CancelledError):
            raise fault

    async def done(self) -> bool:
        """Wait for its end; whether it came to a good one. Raises what is no SyncError."""
        if self._task is None:
            return False
        try:
            await self._task
        except SyncError:
            return False
        return True

    async def beside(self, doing: Callable[[], Awaitable[T]]) -> T:
        """Do this meanwhile; once more behind it, when the upstream had no room for both. Raises as ``doing`` does.

        The upstream may still count the one that has just ended.
        """
        try:
            return await doing()
        except SyncError as error:
            if error.verdict is not Verdict.BUSY or self._task is None:
                raise
        await self.done()
        for pause in PAUSES:
            try:
                return await doing()
            except SyncError as error:
                if error.verdict is not Verdict.BUSY:
                    raise
            await asyncio.sleep(pause)
        return await doing()
