"""The ssh connections to downstreams: opened by a trigger, and kept for those that follow.

Nine tenths of a trigger is key exchange, and nine tenths of the rest the start of an ssh. So one ssh per downstream
holds a connection, and stage 1, stage 2 and whatever comes within the time of ``push_keep`` are sessions in it. Where
it takes no session, because its other side has died or allows no further one, another way is taken at once.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from appliance import commands, words
from appliance.commands import Outcome
from appliance.places import Places
from appliance.settings import Downstream, Settings
from appliance.tree import mux
from appliance.tree.answering import Attempt, Kernel
from appliance.tree.holders import Holders
from appliance.tree.kept import UNREACHABLE, Kept


class Connections:
    """One ssh connection for each way to a downstream. Nothing is kept across lives of the controller."""

    def __init__(self, places: Places) -> None:
        self._kernel = Kernel()
        self.holders = Holders(places, on_death=lambda one: self._silent.add(_place(one)))
        self._silent: set[tuple[str, int]] = set()
        self._attempts: dict[tuple[str, int], set[Attempt]] = {}

    async def run(self, settings: Settings, one: Downstream, command: str) -> Outcome:
        """Have ``one`` run a command, and wait for its end; never raises for what comes of it."""
        started = time.monotonic()
        try:
            async with asyncio.timeout(settings.push_deadline):
                outcome = await self._run(settings, one, command)
        except TimeoutError:
            outcome = Outcome((), commands.TIMED_OUT, "", "", 0)
        (self._silent.add if outcome.code == UNREACHABLE else self._silent.discard)(_place(one))
        return replace(outcome, seconds=time.monotonic() - started)

    def is_silent(self, one: Downstream) -> bool:
        """Whether ``one`` could not be reached the last time anybody tried, or has died since."""
        return _place(one) in self._silent

    def answers(self, one: Downstream) -> bool:
        """False when ``one`` was asked something and does not answer now, as far as this machine can know."""
        return not any(map(self._kernel.is_unanswered, self._attempts.get(_place(one), ())))

    async def _run(self, settings: Settings, one: Downstream, command: str) -> Outcome:
        if not self.holders.keeps(settings, one):
            return await self._alone(settings, one, command)
        while True:
            kept, is_new = self.holders.connection(settings, one)
            try:
                outcome = await self._session(settings, one, kept, command)
                if is_new or not _is_sent_away(outcome):
                    return outcome
                kept.retire()
            except mux.NotOpened:
                if not kept.has_ended:  # its other side allows no more sessions
                    return await self._alone(settings, one, command)
                if is_new:
                    return kept.outcome

    async def _session(self, settings: Settings, one: Downstream, kept: Kept, command: str) -> Outcome:
        """A trigger over a kept connection. Raises mux.NotOpened: then nobody was told anything."""
        with self._attempt(one, Attempt(lambda: kept.pid, answered=False)) as attempt:

            def opened() -> None:
                attempt.answered = True

            try:
                code, said = await kept.session(command, opened, settings.push_keep)
            except mux.BrokenOff:
                return kept.outcome if kept.has_ended else Outcome((), UNREACHABLE, "", "", 0)
            return Outcome((), code, "", said, 0)

    async def _alone(self, settings: Settings, one: Downstream, command: str) -> Outcome:
        """A trigger with a connection of its own."""
        pids: list[int] = []
        argv = [
            *self.holders.client(settings, one, "-o", f"SetEnv={words.ASKS}={words.ASKS_FOR}"),
            "-n",
            "-T",
            one.host,
            command,
        ]
        with self._attempt(one, Attempt(lambda: next(iter(pids), None))):
            return await commands.run(
                argv, deadline=settings.push_deadline, env=self.holders.environment, on_start=pids.append
            )

    @contextmanager
    def _attempt(self, one: Downstream, attempt: Attempt) -> Iterator[Attempt]:
        under_way = self._attempts.setdefault(_place(one), set())
        under_way.add(attempt)
        try:
            yield attempt
        finally:
            under_way.discard(attempt)

    def renew(self) -> None:
        """Open new connections from now on; the old ones, whose keys may be outdated, end behind their last trigger."""
        self.holders.renew()

    async def end(self) -> None:
        """End all connections; returns soon, whatever becomes of it."""
        await self.holders.end()


def _place(one: Downstream) -> tuple[str, int]:
    return one.host, one.port


def _is_sent_away(outcome: Outcome) -> bool:
    """Whether an appliance takes nothing more over this connection, and asks for a new one."""
    return outcome.code == words.TEMPORARY and words.CONNECT_AGAIN in outcome.stderr
