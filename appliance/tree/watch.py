"""How fresh every mirror is that we know of, as its users see it."""

from __future__ import annotations

import time
from dataclasses import replace

from appliance.places import Places
from appliance.records import Sighting
from appliance.settings import Settings
from appliance.store import Store
from appliance.tree.family import Member, members
from appliance.tree.freshness import History

_Key = tuple[str, str]
"""A mirror's name and an archive's."""


class Watch:
    """The mirrors around us, and what was last seen of each."""

    def __init__(self, settings: Settings, places: Places, store: Store) -> None:
        self._places, self._store = places, store
        self._histories: dict[str, tuple[int, History]] = {}
        self._seen: dict[_Key, Sighting] = {(one.mirror, one.archive): one for one in store.sightings()}
        self.take_over(settings)

    def take_over(self, settings: Settings) -> None:
        """Use these settings from now on."""
        self._settings = settings
        self._members = {member.key: member for member in members(settings)}

    def sightings(self, archive: str | None = None) -> tuple[Sighting, ...]:
        """What is known of every mirror now, of one archive or of all; our own first."""
        now = time.time()
        found = [self._stood(self._of(member), now) for member in self._members.values()]
        return tuple(one for one in sorted(found, key=_ours_first) if archive in (None, one.archive))

    def listed(self, archive: str) -> tuple[Sighting, ...]:
        """The mirrors of an archive that users may be sent to now: those that want it, answer, and are not too old."""
        fit = ("fresh", "stale")
        return tuple(one for one in self.sightings(archive) if one.listed and one.fresh in fit and not one.error)

    def _of(self, member: Member) -> Sighting:
        """What was last seen of a member, by ourselves or in its answer to a trigger."""
        if member.source == "self":
            state = self._store.archive(member.archive)
            return replace(member.unseen(), serial=state.serial, changed_at=state.published, consistent=True)
        seen = replace(self._seen.get(member.key, member.unseen()), source=member.source)
        told = self._store.delivery(member.told, member.archive) if member.told and not member.urls else None
        return replace(seen, serial=told.carries, error=told.error) if told else seen

    def _stood(self, seen: Sighting, now: float) -> Sighting:
        standing = self._history(seen.archive).standing(seen.serial, now)
        return replace(seen, fresh=standing.fresh, missed=standing.missed, lag=standing.lag)

    def _history(self, archive: str) -> History:
        publication = self._store.archive(archive).publication
        known, history = self._histories.get(archive, (-1, History()))
        if known != publication:
            history = History(self._store.publications(archive))
            self._histories[archive] = publication, history
        return history


def _ours_first(one: Sighting) -> tuple[bool, str]:
    return one.source != "self", one.mirror
