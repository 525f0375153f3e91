"""Stage 1 of a staged push: nobody is told to publish before everybody has the payload (PROTOCOL section 1.4).

It is over when the last downstream that answers has its payload, or the push timeout has passed. Who does not answer
is told, and not waited for: as soon as that shows, and from then on until it answers again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from appliance import log
from appliance.settings import Downstream
from appliance.tree.answering import OFTEN
from appliance.tree.teller import Teller


class Barrier:
    """The stage 1 of every archive that is under way."""

    def __init__(self, teller: Teller) -> None:
        self._teller = teller
        self._preparing: dict[tuple[str, str], asyncio.Task[None]] = {}

    async def pass_with(self, staged: Iterable[Downstream], archive: str, timeout: float) -> None:
        """Have them fetch the payload; returns when each that answers has it, or after ``timeout`` seconds."""
        self._teller.begin(archive)
        told = {self._preparing_of(one, archive): one for one in staged}
        waiting = {task: one for task, one in told.items() if not self._teller.connections.is_silent(one)}
        end = asyncio.get_running_loop().time() + timeout
        while waiting and (left := end - asyncio.get_running_loop().time()) > 0:
            await asyncio.wait(waiting, timeout=min(OFTEN, left))
            waiting = {task: one for task, one in waiting.items() if not task.done()}
            waiting = {task: one for task, one in waiting.items() if self._is_waited_for(one, archive)}
        for one in waiting.values():
            # Not cancelled: its stage 2 waits for it on the same line, and a slow transfer is not lost work.
            log.trouble("stage 1 not finished in time, going on", archive=archive, downstream=one.name)

    def _is_waited_for(self, one: Downstream, archive: str) -> bool:
        if self._teller.connections.answers(one):
            return True
        log.trouble("it does not answer, stage 1 goes on without it", archive=archive, downstream=one.name)
        return False

    def _preparing_of(self, one: Downstream, archive: str) -> asyncio.Task[None]:
        """A stage 1 that is still under way is not sent a second time behind itself."""
        key = (one.name, archive)
        if key not in self._preparing or self._preparing[key].done():
            self._preparing[key] = asyncio.create_task(self._prepare(one, archive))
        return self._preparing[key]

    async def _prepare(self, one: Downstream, archive: str) -> None:
        await asyncio.sleep(one.delay)
        was_silent = self._teller.connections.is_silent(one)
        answer = await self._teller.prepare(one, archive)
        if answer.trouble and not was_silent:
            log.trouble("stage 1 not delivered", archive=archive, downstream=one.name, reason=answer.trouble)

    async def end(self) -> None:
        """End every stage 1 that is under way."""
        for work in self._preparing.values():
            work.cancel()
        await asyncio.gather(*self._preparing.values(), return_exceptions=True)
