"""Tell one downstream about one archive: one trigger at a time, in its place among the others."""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager

from appliance import log
from appliance.places import Places
from appliance.settings import Downstream, Settings
from appliance.tree import tell
from appliance.tree.connections import Connections
from appliance.tree.room import Room
from appliance.tree.tell import Answer


class Teller:
    """The ways to the downstreams, and who of them has stage 1 of the round that is under way."""

    def __init__(self, settings: Settings, places: Places) -> None:
        self.settings = settings
        self.connections = Connections(places)
        self._room = Room(settings.push_concurrency, self.connections.answers)
        self._lines: dict[tuple[str, str], asyncio.Lock] = {}
        self._prepared: dict[str, set[str]] = {}

    def begin(self, archive: str) -> None:
        """A new round: nobody has its stage 1."""
        self._prepared[archive] = set()

    async def prepare(self, one: Downstream, archive: str) -> Answer:
        """Stage 1."""
        answer = await self._tell(one, archive, "stage1")
        if not answer.trouble:
            self._prepared.setdefault(archive, set()).add(one.name)
        return answer

    async def tell(self, one: Downstream, archive: str) -> Answer:
        """What is left of the round. A fault of ours is one more reason to try again, never the end of a delivery."""
        try:
            return await self._tell(one, archive)
        except Exception as error:
            log.fault("telling a downstream hit a fault of the appliance", archive=archive, downstream=one.name)
            return Answer(f"{type(error).__name__}: {error}")

    async def _tell(self, one: Downstream, archive: str, stage: str = "") -> Answer:
        """Tell once, never twice at a time the same downstream about the same archive.

        Without a ``stage`` it is what is left of this round: that is known when a late stage 1 has been answered.
        """
        async with self._lines.setdefault((one.name, archive), asyncio.Lock()), self._place(one):
            return await tell.tell(self.settings, self.connections, one, archive, stage or self._stage_of(one, archive))

    def _place(self, one: Downstream) -> AbstractAsyncContextManager[None]:
        return self._room.place(one, self.connections.is_silent(one))

    def _stage_of(self, one: Downstream, archive: str) -> str:
        """Stage 2 for who has stage 1 of this round; everything for everyone else, and for every later attempt."""
        prepared = self._prepared.get(archive, set())
        if one.name not in prepared:
            return "all"
        prepared.discard(one.name)
        return "stage2"
