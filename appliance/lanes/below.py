"""What the runs of one archive have to do with the mirrors below: their payload comes first, and then they are told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from appliance import log
from appliance.errors import ApplianceError
from appliance.store import Store
from appliance.tree.push import Push


class Below:
    """The mirrors below one archive."""

    def __init__(self, store: Store, push: Push, name: str) -> None:
        self._store, self._push, self._name = store, push, name
        self._is_prepared = False
        self.besides: set[asyncio.Task[None]] = set()
        """What still goes on behind answered requests."""

    def tell(self) -> None:
        """Tell every downstream that does not know what is published."""
        state = self._store.archive(self._name)
        if state.publication:
            self._push.spread(self._name, state.publication, state.serial)

    def is_staged(self) -> bool:
        """Whether there is anybody to ``prepare``."""
        return bool(self._push.staged(self._name))

    async def prepare(self) -> None:
        """Stage 1 of those below us: their payload comes before anybody's index."""
        await self._push.stage1(self._name)
        self._is_prepared = True

    async def prepare_for(self, new_payload: bool) -> None:
        """The same, unless they have all there is."""
        if new_payload or not self._is_prepared:
            await self.prepare()

    def synced(self, after_push: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """An archive was synced to the end: whoever does not know is told; ``after_push`` when each was told once."""
        self._is_prepared = False
        self.tell()
        if self._store.archive(self._name).publication:
            self._aside(self._when_told(after_push))

    def call_back(self) -> None:
        """Tell whoever wants to know that a run has ended."""
        self._aside(self._push.callback(self._name))

    async def _when_told(self, after_push: Callable[[], Coroutine[Any, Any, None]]) -> None:
        await self._push.first_round(self._name)
        try:
            await after_push()
        except ApplianceError as error:
            log.trouble("hook after the push failed", archive=self._name, reason=str(error))

    def _aside(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something that nobody waits for."""
        doing = asyncio.create_task(work)
        self.besides.add(doing)
        doing.add_done_callback(self.besides.discard)
