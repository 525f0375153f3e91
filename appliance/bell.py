"""Rings when something has changed that somebody could see, so that nobody has to ask again and again."""

from __future__ import annotations

import asyncio


class Bell:
    """One for a controller; rung in its event loop's thread. ``count`` says how often it has rung."""

    def __init__(self) -> None:
        self.count = 0
        self._rung = asyncio.Event()

    def ring(self) -> None:
        """Something has changed."""
        self.count += 1
        self._rung.set()
        self._rung = asyncio.Event()

    async def after(self, count: int) -> None:
        """Return when it has rung more often than ``count`` times, which may be at once."""
        while self.count <= count:
            await self._rung.wait()
