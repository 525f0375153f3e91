"""The downstream's side of joining: joins, stays in touch, and has everybody here know what comes of it."""

from __future__ import annotations

import asyncio
import random
import sqlite3
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, Final

from appliance import log
from appliance.errors import ApplianceError, SyncError
from appliance.joining import effective, membership, offered, post, standing, told
from appliance.joining.correspondence import Correspondence
from appliance.joining.entry import Probe
from appliance.joining.membership import Membership
from appliance.places import Places
from appliance.settings import Settings

EVERY: Final = 6 * 3600.0
"""Seconds from one question for news to the next, more or less."""

FIRST: Final = 2.0
"""Seconds until what was not answered is said again; twice as long each time."""

LONGEST: Final = {True: 60.0, False: 3600.0}
"""The same at most: when we want to be let in or to have a new password, and when we only want news."""

SELDOM: Final = 10.0
"""Seconds between two questions because of a password that was refused."""

PATIENCE: Final = 2 * post.DEADLINE
"""Seconds that somebody waits for what comes of a question."""


class Guest:
    """What has come of our token, if we have one.

    ``renew`` puts in force what has changed, ``welcome`` is told the archives of which we are let in.
    """

    def __init__(
        self, settings: Settings, places: Places, probe: Probe, welcome: Callable[[Iterable[str]], None]
    ) -> None:
        self._settings, self._places, self._probe, self._welcome = settings, places, probe, welcome
        self._wanted, self._rested = asyncio.Event(), asyncio.Event()
        self._open: frozenset[str] = frozenset()
        self._failures, self._told = 0, ("", "")
        self.renew: Callable[[], object] = lambda: None
        self._with = self._upstream(settings)
        self._in_force = _facts(membership.kept(places, self._with.offer)) if self._with else ()

    def _upstream(self, settings: Settings) -> Correspondence | None:
        offer = effective.offer_of(settings)
        return Correspondence(offer, settings, self._places) if offer else None

    def take_over(self, settings: Settings) -> None:
        """Use these settings from now on; the upstream is told what it should know of them."""
        before, self._settings = self._settings, settings
        if settings.invite != before.invite:
            self._with = self._upstream(settings)
        elif self._with:
            self._with.settings = settings
        if (settings.invite, settings.public, settings.name) != (before.invite, before.public, before.name):
            self._wanted.set()

    @property
    def archives(self) -> tuple[str, ...]:
        """Those that come by the token."""
        return offered.carried(self._with.offer, self._settings.invite_archives) if self._with else ()

    def holds(self, archive: str) -> bool:
        """Whether an archive waits until we are let in: to try it before would fail."""
        if self._with is None or self._with.known.joined_at is not None:
            return False
        return archive in self.archives and archive not in self._open

    def explained(self, archive: str, error: ApplianceError) -> ApplianceError:
        """The error of a run in words about the membership, if that may be the reason; then the upstream is asked."""
        if self._with is None or archive not in self.archives or "auth failed" not in error.fact:
            return error
        pause = max(0.0, self._with.asked + SELDOM - time.monotonic())
        asyncio.get_running_loop().call_later(pause, self._wanted.set)
        return SyncError(error.fact, "mirrorctl join says how we stand with the upstream that has invited us")

    def triggered(self, by: str) -> None:
        """Somebody with a key of that name has triggered us: the upstream triggers nobody whom it has not let in."""
        holder = self._settings.triggers.get(by)
        if holder and self._with and self._with.known.joined_at is None and holder.key in self._with.known.push_keys:
            with suppress(OSError):  # the next one tells as much
                self._with.keep(standing.let_in(self._with.known, time.time()))
                self._wanted.set()

    async def again(self, renew: bool) -> None:
        """Ask the upstream now, for a new password if ``renew``; returns when that has come to something.

        Raises ApplianceError without a token, OSError.
        """
        if self._with is None:
            raise ApplianceError("nobody has invited us", "MIRROR_INVITE takes the token of an upstream")
        if renew and self._with.known.is_joined:
            self._with.keep(standing.asking(self._with.known))
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                await self._rested.wait()
                self._rested.clear()
                self._wanted.set()
                await self._rested.wait()

    async def work(self) -> None:
        """Join and stay in touch, until cancelled."""
        while True:
            self._wanted.clear()
            pause = await self._round(self._with) if self._with else None
            self._rested.set()
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._wanted.wait()
            self._rested.clear()

    async def _round(self, upstream: Correspondence) -> float | None:
        """One question and what comes of it; returns seconds until the next, None for never."""
        before = upstream.known
        try:
            if before.state != "refused" and not await upstream.ask() and standing.wanted(before) != "news":
                await self._look(upstream)
            self._put_in_force(before, upstream.known)
        except (ApplianceError, OSError, sqlite3.Error) as error:
            log.trouble("what the upstream has agreed to is not in force yet", reason=str(error))
            return LONGEST[True]
        finally:
            self._tell(upstream)
        return self._pause(upstream.known)

    async def _look(self, upstream: Correspondence) -> None:
        """Without an answer our password may be good; then there is more to be asked."""
        known, secret, joined = self._open, upstream.known.secret, upstream.known.joined_at
        self._open = await upstream.look(self.archives, self._probe)
        if self._open - known:
            self._welcome(self._open - known)
        if (upstream.known.secret, upstream.known.joined_at) != (secret, joined):
            self._wanted.set()

    def _put_in_force(self, before: Membership, now: Membership) -> None:
        """Raises ApplianceError or OSError; then it is tried again."""
        if _facts(now) != self._in_force:
            self.renew()
            self._in_force = _facts(now)
        if (now.secret, now.joined_at) != (before.secret, before.joined_at):
            self._welcome(self.archives)

    def _pause(self, known: Membership) -> float | None:
        wants = standing.wanted(known)
        if known.state == "refused":
            return None
        if not known.trouble and wants == "news":
            self._failures = 0
            return EVERY * random.uniform(0.9, 1.1)
        self._failures += 1
        return min(FIRST * 2.0 ** min(self._failures - 1, 16), LONGEST[wants != "news"])

    def _tell(self, upstream: Correspondence) -> None:
        """A line for the log when something has changed."""
        known, before = upstream.known, self._told
        self._told = (f"{known.state} {known.secret}", known.trouble)
        if self._told != before:
            told.log_line(upstream.offer, known, upstream.paste, is_new=self._told[0] != before[0])

    @property
    def picture(self) -> dict[str, Any] | None:
        """What everybody may know of it; None without a token."""
        return told.picture(self._with.offer, self._with.known, self.archives) if self._with else None

    @property
    def paste(self) -> str | None:
        """The line that the upstream's operator would paste; None when there is none."""
        return self._with.paste if self._with else None


def _facts(known: Membership | None) -> tuple[object, ...]:
    """What the settings have of it."""
    return (known.secret, known.user, known.push_keys, known.host_keys, known.sources) if known else ()
