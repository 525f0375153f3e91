"""The ssh processes that hold connections to downstreams: one for each way, begun when it is wanted, ended in time."""

from __future__ import annotations

import asyncio
import itertools
import os
import re
import resource
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from appliance import ssh, words
from appliance.places import Places
from appliance.settings import Downstream, Settings
from appliance.tree.kept import Kept

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


class Holders:
    """The connections that are kept. ``on_death`` hears of each downstream whose holder died by itself."""

    def __init__(self, places: Places, on_death: Callable[[Downstream], None]) -> None:
        self._places, self._on_death = places, on_death
        self._most = _most()
        self._kept: dict[tuple[str, ...], Kept] = {}
        self._all: set[Kept] = set()
        self._numbers = itertools.count()

    def client(self, settings: Settings, one: Downstream, *more: str) -> list[str]:
        """The beginning of an ssh to ``one``, up to its name.

        The operator's own options stand first: ssh keeps the first value it is given.
        """
        key = self._places.private_copy(one.key) if one.key else None
        return ssh.client(
            settings, self._places, user=one.user, port=one.port, key=key, more=(*one.options, *more)
        )  # fmt: skip

    @property
    def environment(self) -> dict[str, str]:
        """All that our ssh sees of an environment."""
        return {"HOME": str(self._places.run)}

    def keeps(self, settings: Settings, one: Downstream) -> bool:
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

    def connection(self, settings: Settings, one: Downstream) -> tuple[Kept, bool]:
        """The connection on the way to ``one``, and whether it is a new one."""
        route = (*self.client(settings, one), one.host)
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
        kept = Kept(self.argv(settings, one, socket), socket, longest, self.environment)
        kept.when_ended(lambda: self._on_death(one) if kept.has_died else None)
        return kept

    def argv(self, settings: Settings, one: Downstream, socket: Path) -> list[str]:
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
        return [*self.client(settings, one, *more), "-n", "-N", "-T", one.host]

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


def _most() -> int:
    """How many connections may be kept, with as many open files as we are allowed."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = _FILES if hard == resource.RLIM_INFINITY else min(hard, _FILES)
    resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    return (allowed - _FILES_BESIDES) // _FILES_EACH
