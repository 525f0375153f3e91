"""The ssh connections to downstreams: opened by a trigger, and kept for those that follow.

Nine tenths of a trigger is key exchange, so stage 2, and whatever comes within the time of ``push_keep``, goes over the
connection that stage 1 opened. OpenSSH does all of it: the first ssh leaves a master process behind, in a session of
its own and without our pipes, which a deadline of one trigger therefore does not end. When the master cannot serve,
because its peer has died or allows no further session, ssh opens a connection of its own at once.
"""

from __future__ import annotations

import asyncio
import re
import shutil
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Final

from appliance import commands, ssh
from appliance.commands import Outcome
from appliance.places import Places
from appliance.settings import Downstream, Settings

UNREACHABLE: Final = 255
"""ssh's own exit code for everything that is not the remote command's."""

ALIVE_INTERVAL: Final = 5
ALIVE_COUNT: Final = 2
"""A peer that has not answered for (count + 1) * interval seconds is dead.

Long enough for lost packets, short enough for those who wait at the barrier meanwhile.
"""

LONGEST_LIFE: Final = 3600
"""Seconds after which a new connection is opened, however busy the old one: names may have moved, keys be gone."""

END_DEADLINE: Final = 3.0
"""Seconds to end all kept connections. Those that are left end by themselves, at the latest with the container."""

_AT_A_TIME: Final = 8

_TALKATIVE: Final = re.compile("-[46AaCfGgKkMNnqsTtvXxYy]*v")
"""-v among the flags of a word: then the master keeps standard error, and its trigger would seem to go on as long."""

_NOISE: Final = ("mux_client_", "muxclient: ", "ControlSocket ")
"""How ssh's remarks begin when it goes on without a kept connection."""


class Connections:
    """One ssh for each trigger, one connection for each downstream. Nothing is kept across lives of the controller."""

    def __init__(self, places: Places) -> None:
        self._places = places
        self._generation = 0
        self._retiring: set[asyncio.Task[None]] = set()
        self._silent: set[tuple[str, int]] = set()

    async def run(self, settings: Settings, one: Downstream, command: str) -> Outcome:
        """Have ``one`` run a command, and wait for its end; never raises for what comes of it."""
        argv = self.argv(settings, one, command)
        outcome = await commands.run(argv, deadline=settings.push_deadline, env={"HOME": str(self._places.run)})
        (self._silent.add if outcome.code == UNREACHABLE else self._silent.discard)((one.host, one.port))
        return replace(outcome, stderr=_without_noise(outcome.stderr))

    def is_silent(self, one: Downstream) -> bool:
        """Whether ``one`` could not be reached the last time anybody tried, for whatever archive."""
        return (one.host, one.port) in self._silent

    def argv(self, settings: Settings, one: Downstream, command: str) -> list[str]:
        """The ssh command line of one trigger; the remote command is one argument."""
        key = self._places.private_copy(one.key) if one.key else None

        def client(*more: str) -> list[str]:
            return ssh.client(settings, self._places, user=one.user, port=one.port, key=key, more=more)

        # The operator's own options stand first: ssh keeps the first value it is given.
        own = client(*one.options)
        keep = settings.push_keep and not any(map(_TALKATIVE.match, one.options))
        kept = self._kept([*own, one.host], settings.push_keep) if keep else ()
        return [*client(*one.options, *kept), "-n", "-T", one.host, command]

    def _kept(self, route: list[str], seconds: int) -> tuple[str, ...]:
        """ssh's options to keep a connection and to use it; none when there is no place for its socket."""
        try:
            self._places.connections.mkdir(mode=0o700, exist_ok=True)
        except OSError:
            return ()
        options = (
            "ControlMaster=auto",
            f"ControlPath={self._socket(route)}",
            f"ControlPersist={seconds}",
            f"ServerAliveInterval={ALIVE_INTERVAL}",
            f"ServerAliveCountMax={ALIVE_COUNT}",
        )
        return tuple(word for option in options for word in ("-o", option))

    def _socket(self, route: list[str]) -> Path:
        """Everything that makes a connection another one is in its name; ssh's own %C knows neither key nor options."""
        facts = repr((self._generation, int(time.time() // LONGEST_LIFE), route))
        return self._places.connections / sha256(facts.encode()).hexdigest()[:16]

    def renew(self) -> None:
        """Open new connections from now on; the old ones, whose keys may be outdated, end behind their last trigger."""
        self._generation += 1
        retiring = asyncio.create_task(self._ask("stop", self._sockets()))
        self._retiring.add(retiring)
        retiring.add_done_callback(self._retiring.discard)

    async def end(self) -> None:
        """End all connections, also those that a crash has left behind; returns soon, whatever becomes of it."""
        if not self._places.connections.exists():
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(END_DEADLINE):
                await asyncio.gather(*self._retiring)
                await self._ask("exit", self._sockets())
        shutil.rmtree(self._places.connections, ignore_errors=True)

    def _sockets(self) -> list[Path]:
        return list(self._places.connections.glob("*"))

    async def _ask(self, word: str, sockets: Iterable[Path]) -> None:
        """Have the masters behind these sockets obey: `stop` (take nothing new, end behind the last), or `exit`."""
        room = asyncio.Semaphore(_AT_A_TIME)

        async def ask(socket: Path) -> None:
            async with room:
                # The host is there for the grammar alone.
                await commands.run(
                    ["ssh", "-F", "none", "-S", str(socket), "-O", word, "downstream"], deadline=END_DEADLINE
                )

        await asyncio.gather(*map(ask, sockets))


def _without_noise(stderr: str) -> str:
    return "".join(line for line in stderr.splitlines(keepends=True) if not line.startswith(_NOISE))
