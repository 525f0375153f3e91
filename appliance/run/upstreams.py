"""Which of an archive's upstreams a run fetches from: chosen by the serial each one carries, not by whether it answers.

The first that carries the newest serial is taken. One that carries an older serial than we publish never is; one that
has no serial at all counts as carrying ours.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from appliance import log
from appliance.commands import Verdict
from appliance.errors import SyncError
from appliance.places import Places
from appliance.records import serial_number
from appliance.run.reach import PATIENCE, source_of
from appliance.settings import Archive, Settings
from appliance.sync import glance

LITTLE_PATIENCE: Final = 2
"""Seconds that a look may take at one that did not answer just before: it holds up every run."""

AGAIN: Final = 900.0
"""Seconds after which it is worth the whole patience once more: who is only slow would be out for ever."""


@dataclass(frozen=True, slots=True)
class Look:
    """What was seen of one upstream: the serial it carries, None when it has none, or why nothing was seen."""

    archive: Archive
    serial: str | None = None
    trouble: str = ""

    @property
    def url(self) -> str:
        """Where it is, for people."""
        return str(self.archive.upstream)


class Upstreams:
    """The upstreams of one archive, and what was last seen of them. ``looks`` is empty when there is one to choose."""

    def __init__(self, places: Places, name: str) -> None:
        self._places, self._name = places, name
        self._patient: dict[str, float] = {}
        self.looks: tuple[Look, ...] = ()
        self.chosen = 0
        """The one in use, by its place in the list."""

    async def choose(self, settings: Settings, ours: str | None, first_will_do: bool = False) -> Settings:
        """The settings with the upstream to use in them.

        ``first_will_do`` when it is the first that answers and is not behind us: for payload alone, because who sends a
        trigger for that has not published yet, and for going back. Raises SyncError when all that answer carry an older
        serial than ``ours``.
        """
        ways = ways_of(settings.archives[self._name])
        if len(ways) == 1:
            self.looks, self.chosen = (), 0
            return settings
        self.looks = tuple(await asyncio.gather(*(self._look(settings, way) for way in ways)))
        usable = [n for n, look in enumerate(self.looks) if not look.trouble and _rank(look, ours) >= _number(ours)]
        if not usable and all(look.trouble for look in self.looks):
            usable = [0]  # it fails once more, and says itself why
        if not usable:
            raise self._behind(ours)
        self._use(usable[0] if first_will_do else max(usable, key=lambda n: _rank(self.looks[n], ours)))
        return settings.with_archive(self._name, ways[self.chosen])

    async def _look(self, settings: Settings, way: Archive) -> Look:
        patience = self._patience(str(way.upstream), time.monotonic())
        source = source_of(settings.with_archive(self._name, way), self._places, self._name)
        try:
            return Look(way, await glance.serial(replace(source, timeout=patience, deadline=patience)))
        except SyncError as error:
            return Look(way, trouble=error.fact)

    def _patience(self, url: str, now: float) -> int:
        """Seconds for a look at this one."""
        was_silent = any(look.url == url and look.trouble for look in self.looks)
        if was_silent and now < self._patient.get(url, now) + AGAIN:
            return LITTLE_PATIENCE
        self._patient[url] = now
        return PATIENCE

    def _use(self, chosen: int) -> None:
        if chosen != self.chosen:
            before, now = self.looks[self.chosen], self.looks[chosen]
            reason = before.trouble or f"it carries {before.serial}, the new one {now.serial}"
            log.event("another upstream is used", archive=self._name, upstream=now.url, before=before.url, why=reason)
        self.chosen = chosen

    def _behind(self, ours: str | None) -> SyncError:
        seen = ", ".join(f"{look.url}: {look.serial or look.trouble}" for look in self.looks)
        cure = f"it is tried again by itself; if an older state is meant: mirrorctl sync {self._name} --allow-rollback"
        return SyncError(f"no upstream is as new as what we publish, {ours} ({seen})", cure, Verdict.BUSY)

    @property
    def remarks(self) -> Iterable[str]:
        """A line for people about every upstream that comes before the one in use."""
        for look in self.looks[: self.chosen]:
            yield f"upstream {look.url} is passed over: {look.trouble or f'it carries {look.serial}'}"


def ways_of(archive: Archive) -> tuple[Archive, ...]:
    """The archive as it would be with each of its upstreams alone, in their order."""
    fallbacks = (
        archive.model_copy(update={"upstream": one, "password": archive.fallback_password(one)})
        for one in archive.fallbacks
    )
    return (archive, *fallbacks)


def _rank(look: Look, ours: str | None) -> int:
    return _number(look.serial or ours)


def _number(serial: str | None) -> int:
    number = serial_number(serial)
    return -1 if number is None else number
