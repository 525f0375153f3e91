"""How many downstreams are told at a time, and that those who do not answer take nobody's place."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Final

from appliance.settings import Downstream
from appliance.tree.answering import OFTEN

SILENT_SHARE: Final = 4
"""Who could not be reached before waits for a place among so many times fewer, beside those of the others."""


class Room:
    """Places for a number of downstreams.

    Who takes one and then does not answer loses it when somebody waits for one. He goes on outside.
    """

    def __init__(self, size: int, answers: Callable[[Downstream], bool]) -> None:
        self._free = asyncio.Semaphore(size)
        self._free_for_silent = asyncio.Semaphore(max(1, size // SILENT_SHARE))
        self._answers = answers
        self._inside: dict[object, Downstream] = {}
        self._waiting = 0
        self._usher: asyncio.Task[None] | None = None

    def place(self, one: Downstream, is_silent: bool) -> AbstractAsyncContextManager[None]:
        """A place while the context lasts; who is silent has one among his like."""
        return self._beside() if is_silent else self._among(one)

    @asynccontextmanager
    async def _beside(self) -> AsyncIterator[None]:
        async with self._free_for_silent:
            yield

    @asynccontextmanager
    async def _among(self, one: Downstream) -> AsyncIterator[None]:
        await self._enter()
        mark = object()
        self._inside[mark] = one
        try:
            yield
        finally:
            self._leave(mark)

    async def _enter(self) -> None:
        self._waiting += 1
        if self._free.locked() and (self._usher is None or self._usher.done()):
            self._usher = asyncio.create_task(self._show_out())
        try:
            await self._free.acquire()
        finally:
            self._waiting -= 1

    def _leave(self, mark: object) -> None:
        if self._inside.pop(mark, None):
            self._free.release()

    async def _show_out(self) -> None:
        """While somebody waits: free the places of those who do not answer."""
        while self._waiting:
            await asyncio.sleep(OFTEN)
            for mark in [mark for mark, one in self._inside.items() if not self._answers(one)]:
                self._leave(mark)
