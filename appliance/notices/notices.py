"""Every channel is told of every change of state, once: also across restarts, also after it was down for a while."""

from __future__ import annotations

import asyncio
import random
import sqlite3
import time
from contextlib import suppress
from functools import partial
from typing import Final

from appliance import log
from appliance.notices import channels
from appliance.notices.channels import Channel
from appliance.notices.conditions import find, subjects_of
from appliance.notices.message import Message
from appliance.places import Places
from appliance.records import Notice
from appliance.settings import Settings
from appliance.store import Store
from appliance.tree.bookkeeping import kept

FIRST_RETRY: Final = 30.0
LAST_RETRY: Final = 3600.0
"""Seconds between two attempts to reach a channel: doubled each time, from the first to the last."""

STORE_PAUSE: Final = 5.0
"""Seconds until a state volume that could not be written is tried again."""


class Notices:
    """The channels, and what each of them has been told."""

    def __init__(self, settings: Settings, places: Places, store: Store) -> None:
        self._settings, self._places, self._store = settings, places, store
        self._news = asyncio.Event()
        self._telling: dict[str, asyncio.Task[None]] = {}

    def take_over(self, settings: Settings) -> None:
        """Use these settings from now on."""
        self._settings = settings
        self.look()

    def look(self) -> None:
        """Something may have changed."""
        self._news.set()

    async def test(self) -> dict[str, str]:
        """Send every channel a test; returns the trouble of each, empty for none."""
        known = list(channels.of(self._settings))
        troubles = await asyncio.gather(*(channel.send(Message(self._settings.name)) for channel in known))
        return {channel.title: trouble for channel, trouble in zip(known, troubles, strict=True)}

    async def work(self) -> None:
        """Tell, until cancelled."""
        try:
            while True:
                self._news.clear()
                await self._wait(self._compare())
        finally:
            for telling in self._telling.values():
                telling.cancel()
            await asyncio.gather(*self._telling.values(), return_exceptions=True)

    def _compare(self) -> float | None:
        """Find what has changed and have it told; returns when to look again if nothing happens."""
        now, known = time.time(), list(channels.of(self._settings))
        if not known:
            return None
        try:
            found = find(self._settings, self._places, self._store, now)
            wrong = [(one.aspect.name, one.subject, one.reason) for one in found.conditions]
            unsettled = {(aspect.name, subject) for aspect, subject in found.unsettled}
            self._store.forget_notices([channel.id for channel in known], subjects_of(self._settings))
            for channel in known:
                self._store.compare_notices(channel.id, wrong, now, unsettled)
        except (sqlite3.Error, OSError) as error:
            log.trouble("notices have to wait", reason=str(error))
            return now + STORE_PAUSE
        for channel in known:
            self._start(channel)
        return found.next

    async def _wait(self, until: float | None) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(until - time.time() if until else None):
                await self._news.wait()

    def _start(self, channel: Channel) -> None:
        """Each channel at its own speed; one that is being told hears of the rest by itself."""
        if channel.id not in self._telling or self._telling[channel.id].done():
            self._telling[channel.id] = asyncio.create_task(self._tell(channel))

    def _owed(self, channel: Channel) -> list[Notice]:
        return self._meant(self._store.notices(channel.id))

    def _meant(self, notices: list[Notice]) -> list[Notice]:
        """Those about what is still configured: a channel may have been told while that changed."""
        known = subjects_of(self._settings)
        return [notice for notice in notices if notice.subject in known]

    async def _tell(self, channel: Channel) -> None:
        pause = FIRST_RETRY
        while owed := await kept(lambda: self._owed(channel), channel.title):
            trouble = await self._sent(channel, owed)
            if not trouble:
                await kept(partial(self._store.noticed, channel.id, self._meant(owed), time.time()), channel.title)
                log.event("notified", channel=channel.title, of=len(owed))
                continue
            log.trouble("not notified, trying again", channel=channel.title, reason=trouble)
            await asyncio.sleep(pause * random.uniform(0.8, 1.2))
            pause = min(LAST_RETRY, 2 * pause)

    async def _sent(self, channel: Channel, owed: list[Notice]) -> str:
        """Send; returns the trouble, empty for none. A fault of ours is one like any other: it is tried again.

        Of it no more is told than its name: its words, and its traceback, may hold the channel's secret.
        """
        try:
            return await channel.send(Message(self._settings.name, tuple(owed)))
        except Exception as error:
            return f"{channel.title}: a fault of the appliance itself, {type(error).__name__}"
