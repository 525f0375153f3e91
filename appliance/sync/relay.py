"""Between rsync and a plain daemon: whatever arrives is acknowledged at once, so that nobody waits for it.

A daemon says some things in two pieces. Without TCP_NODELAY its kernel holds the second one back until the first is
acknowledged, and ours puts that off for 40 ms, in the hope of an answer to send along (RFC 1122, 4.2.3.2). This happens
at the beginning and at the end of every exchange, and is most of what a small one takes. rsync cannot ask for anything
else (rsync(1), --sockopts): TCP_QUICKACK has to be set again behind every read (tcp(7)).
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from types import TracebackType
from typing import Final, Self

from appliance.commands import Outcome
from appliance.errors import SyncError
from appliance.meanwhile import ended
from appliance.sync.source import Source
from appliance.sync.transport import CONNECT_TIMEOUT, Family, Place, relayed

BLOCK: Final = 1 << 18
"""Bytes that are passed on at a time."""

PARTING: Final = 1.0
"""Seconds for the last words of an rsync that has ended: without them the daemon counts it as broken off."""

_SOCKET_ERROR: Final = 10
"""rsync's exit code when it cannot connect."""

_FAMILY: Final[Mapping[Family, int]] = {"any": socket.AF_UNSPEC, "ipv4": socket.AF_INET, "ipv6": socket.AF_INET6}


def nobody() -> None:
    """Who wants to know of an end when nobody does."""


class Relay:
    """The way of one rsync to its upstream: ``source`` is what it is given; open as long as the context.

    One connection is let in. ``over`` is called when one of them has said all it had to say. Where the transport
    names no place, rsync goes its own way; so should a fetch of much: of many bytes the waits are nothing, and to pass
    them on takes processor time.
    """

    def __init__(self, source: Source, over: Callable[[], None] = nobody) -> None:
        self._upstream = self.source = source
        self._over = over
        self._place = source.transport.place
        self._doing: asyncio.Task[None] | None = None
        self._trouble = ""

    async def __aenter__(self) -> Self:
        if self._place:
            door = socket.create_server(("127.0.0.1", 0), backlog=1)
            door.setblocking(False)
            transport = relayed(self._upstream.transport, door.getsockname()[1])
            self.source = replace(self._upstream, transport=transport, title=self._upstream.url)
            self._doing = asyncio.create_task(self._serve(self._place, door))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._doing:
            try:
                if not error:
                    await asyncio.wait((self._doing,), timeout=PARTING)
            finally:
                await ended(self._doing)

    def failure(self, doing: str, outcome: Outcome) -> SyncError:
        """What a failed rsync means, in words; of a connection that did not come about we know more than it."""
        told = replace(outcome, code=_SOCKET_ERROR, stderr=self._trouble) if self._trouble else outcome
        return self._upstream.failure(doing, told)

    async def _serve(self, place: Place, door: socket.socket) -> None:
        """Over when rsync has nothing more to say."""
        with door:
            try:
                there = await _connect(place)
            except OSError as error:
                self._trouble = f"failed to connect to {place.host}: {_reason(error)}"
                return
            with there:
                here, _ = await asyncio.get_running_loop().sock_accept(door)
                door.close()
                with here:
                    await _between(here, there, self._over)


async def _connect(place: Place) -> socket.socket:
    """The first address that lets us in. Raises OSError."""
    loop, trouble = asyncio.get_running_loop(), OSError("it has no address")
    addresses = await loop.getaddrinfo(place.host, place.port, family=_FAMILY[place.family], type=socket.SOCK_STREAM)
    for family, kind, protocol, _, address in addresses:
        line = socket.socket(family, kind, protocol)
        try:
            line.setblocking(False)
            if place.bind:
                line.bind((place.bind, 0))
            async with asyncio.timeout(CONNECT_TIMEOUT):
                await loop.sock_connect(line, address)
            return line
        except OSError as error:  # TimeoutError is one
            line.close()
            trouble = error
        except BaseException:
            line.close()
            raise
    raise trouble


def _reason(error: OSError) -> str:
    """Why there is no connection; what asyncio says of it has only the address."""
    if isinstance(error, socket.gaierror):
        return error.strerror or str(error)
    if isinstance(error, TimeoutError):
        return os.strerror(errno.ETIMEDOUT)
    return os.strerror(error.errno) if error.errno else str(error)


async def _between(here: socket.socket, there: socket.socket, over: Callable[[], None]) -> None:
    """Pass on what both say until rsync has ended; when the daemon is gone, its last words first."""
    for line in (here, there):
        line.setblocking(False)
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    hearing = asyncio.create_task(_pass_on(there, here, over))
    try:
        if not await _pass_on(here, there, over):
            await hearing
    finally:
        await ended(hearing)


async def _pass_on(one: socket.socket, other: socket.socket, over: Callable[[], None]) -> bool:
    """True when the one has said all; False when there is a connection no more."""
    loop = asyncio.get_running_loop()
    try:
        while data := await loop.sock_recv(one, BLOCK):
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
            await loop.sock_sendall(other, data)
    except OSError:
        return False
    finally:
        with suppress(OSError):
            other.shutdown(socket.SHUT_WR)
    over()
    return True
