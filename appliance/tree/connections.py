"""The ssh connections to downstreams: opened by a trigger, and kept for those that follow.

Nine tenths of a trigger is key exchange, and nine tenths of the rest the start of an ssh. So one ssh per downstream
holds a connection, and stage 1, stage 2 and whatever comes within the time of ``push_keep`` are sessions in it. Where
it takes no session, because its other side has died or allows no further one, another way is taken at once.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import re
import resource
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Final

from appliance import commands, ssh, words
from appliance.commands import Outcome
from appliance.places import Places
from appliance.settings import Downstream, Settings
from appliance.tree import mux
from appliance.tree.answering import Attempt, Kernel
from appliance.tree.kept import UNREACHABLE, Kept

ALIVE_INTERVAL: Final = 5
ALIVE_COUNT: Final = 2
"""A peer that has not answered for (count + 1) * interval seconds is dead."""

LONGEST_LIFE: Final = 3600
"""Seconds after which a new connection is opened, however busy the old one: names may have moved, keys be gone."""

END_DEADLINE: Final = 3.0
"""Seconds to end all kept connections. Those that are left end with the container."""

_FILES_EACH: Final = 4
_FILES_BESIDES: Final = 256
"""Open files that a kept connection takes, and that everything else may take."""

_LONGEST_SOCKET: Final = 107 - 17
"""Bytes of a socket's path (unix(7)); ssh makes it under a longer name first."""

_UNKEEPABLE: Final = re.compile("-[46AaCfGgKkMNnqsTtvXxYy]*[fGMNqsv]|-[SW]|(-o)?(Control|Fork|LogLevel|Session)", re.I)
"""Words of an operator's own with which an ssh does not hold a connection as we want it to, or says nothing of it."""

_FILES: Final = 1 << 16
"""Open files that are enough."""


class Connections:
    """One ssh connection for each way to a downstream. Nothing is kept across lives of the controller."""

    def __init__(self, places: Places) -> None:
        self._places = places
        self._kernel = Kernel()
        self._most = _most()
        self._kept: dict[tuple[str, ...], Kept] = {}
        self._all: set[Kept] = set()
        self._numbers = itertools.count()
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
        if not self._keeps(settings, one):
            return await self._alone(settings, one, command)
        while True:
            kept, is_new = self._connection(settings, one)
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
            *self._client(settings, one, "-o", f"SetEnv={words.ASKS}={words.ASKS_FOR}"),
            "-n",
            "-T",
            one.host,
            command,
        ]
        with self._attempt(one, Attempt(lambda: next(iter(pids), None))):
            return await commands.run(
                argv, deadline=settings.push_deadline, env=self._environment, on_start=pids.append
            )

    @contextmanager
    def _attempt(self, one: Downstream, attempt: Attempt) -> Iterator[Attempt]:
        under_way = self._attempts.setdefault(_place(one), set())
        under_way.add(attempt)
        try:
            yield attempt
        finally:
            under_way.discard(attempt)

    def _client(self, settings: Settings, one: Downstream, *more: str) -> list[str]:
        """The operator's own options stand first: ssh keeps the first value it is given."""
        key = self._places.private_copy(one.key) if one.key else None
        return ssh.client(
            settings, self._places, user=one.user, port=one.port, key=key, more=(*one.options, *more)
        )  # fmt: skip

    @property
    def _environment(self) -> dict[str, str]:
        return {"HOME": str(self._places.run)}

    def _keeps(self, settings: Settings, one: Downstream) -> bool:
        """Whether a connection is kept: when somebody wants it, ssh can do it, and there is room."""
        if not settings.push_keep or any(map(_UNKEEPABLE.match, one.options)):
            return False
        try:
            self._places.connections.mkdir(mode=0o700, exist_ok=True)
        except OSError:
            return False
        return len(self._all) < self._most and len(os.fsencode(self._socket(0))) < _LONGEST_SOCKET

    def _socket(self, number: int) -> Path:
        return self._places.connections / str(number)

    def _connection(self, settings: Settings, one: Downstream) -> tuple[Kept, bool]:
        """The connection on the way to ``one``, and whether it is a new one."""
        route = (*self._client(settings, one), one.host)
        kept = self._kept.get(route)
        if kept and kept.takes_more and time.monotonic() - kept.began < LONGEST_LIFE:
            return kept, False
        if kept:
            kept.retire()
        kept = self._kept[route] = self._hold(settings, one)
        self._all = {kept, *(each for each in self._all if not each.has_ended)}
        return kept, True

    def _hold(self, settings: Settings, one: Downstream) -> Kept:
        socket = self._socket(next(self._numbers))
        longest = LONGEST_LIFE + settings.push_deadline
        kept = Kept(self.holder(settings, one, socket), socket, longest, self._environment)
        kept.when_ended(lambda: self._silent.add(_place(one)) if kept.has_died else None)
        return kept

    def holder(self, settings: Settings, one: Downstream, socket: Path) -> list[str]:
        """The command line of the ssh that holds a connection, and takes sessions at ``socket``."""
        options = (
            "ControlMaster=yes",
            f"ControlPath={socket}",
            "ControlPersist=no",
            f"SendEnv={words.ASKS}",  # of a session's environment a holder lets pass what it would send itself
            "LogLevel=VERBOSE",
            f"ServerAliveInterval={ALIVE_INTERVAL}",
            f"ServerAliveCountMax={ALIVE_COUNT}",
        )
        more = (word for option in options for word in ("-o", option))
        return [*self._client(settings, one, *more), "-n", "-N", "-T", one.host]

    def renew(self) -> None:
        """Open new connections from now on; the old ones, whose keys may be outdated, end behind their last trigger."""
        for kept in self._kept.values():
            kept.retire()
        self._kept.clear()

    async def end(self) -> None:
        """End all connections; returns soon, whatever becomes of it."""
        with suppress(TimeoutError):
            async with asyncio.timeout(END_DEADLINE):
                await asyncio.gather(*(kept.end() for kept in self._all))
        self._kept.clear()
        shutil.rmtree(self._places.connections, ignore_errors=True)


def _place(one: Downstream) -> tuple[str, int]:
    return one.host, one.port


def _is_sent_away(outcome: Outcome) -> bool:
    """Whether an appliance takes nothing more over this connection, and asks for a new one."""
    return outcome.code == words.TEMPORARY and words.CONNECT_AGAIN in outcome.stderr


def _most() -> int:
    """How many connections may be kept, with as many open files as we are allowed."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = _FILES if hard == resource.RLIM_INFINITY else min(hard, _FILES)
    resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    return (allowed - _FILES_BESIDES) // _FILES_EACH
