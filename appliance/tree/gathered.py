"""All that is known of the mirrors, put together: one sighting for each archive of each."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import islice

from appliance.records import Delivery, Sighting
from appliance.settings import Settings
from appliance.store import Store
from appliance.tree.family import Member, aliases, members
from appliance.tree.freshness import BAD, History
from appliance.tree.kin import MOST, Key, Kin
from appliance.tree.lookout import Seen
from appliance.tree.probe import Glimpse
from appliance.tree.reports import Report


@dataclass(slots=True)
class Gathered:
    """What the settings say, what our own looks saw, what reports and deliveries told, what was published here.

    ``own`` are the traces in our own trees, by archive; ``before`` is what was known when somebody last asked.
    """

    settings: Settings
    members: dict[Key, Member] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    looks: dict[Key, Seen] = field(default_factory=dict)
    reports: dict[str, Report] = field(default_factory=dict)
    deliveries: dict[Key, Delivery] = field(default_factory=dict)
    histories: dict[str, History] = field(default_factory=dict)
    own: dict[str, Glimpse] = field(default_factory=dict)
    before: dict[Key, Sighting] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.take_over(self.settings)

    def take_over(self, settings: Settings) -> None:
        """Use these settings from now on; who is in them no more is forgotten."""
        self.settings = settings
        claims = {(one.downstream, one.archive): one.site for one in self.deliveries.values() if one.site}
        self.members = {member.key: member for member in members(settings, claims)}
        self.names = aliases(settings)
        known = {member.mirror for member in self.members.values() if member.urls}
        self.looks = {key: seen for key, seen in self.looks.items() if key in self.members}
        self.reports = {mirror: report for mirror, report in self.reports.items() if mirror in known}

    def site(self, key: Key) -> str:
        """Where a downstream says that it is, as far as we have taken note of it."""
        told = self.deliveries.get(key)
        return told.site if told else ""

    def history(self, archive: str) -> History:
        """What was published of an archive here."""
        return self.histories.get(archive, History())

    def stood(self, one: Sighting, now: float) -> Sighting:
        """With how far it is behind now. Who cannot be seen may be anywhere by now."""
        unseen = 0.0 if one.seen_at is None else max(0.0, now - one.seen_at)
        standing = self.history(one.archive).standing(one.serial, now, unseen, self._publication(one))
        return replace(one, fresh=standing.fresh, missed=standing.missed, lag=standing.lag)

    def _publication(self, one: Sighting) -> int | None:
        """The number of our publication that a mirror has, where no serial tells."""
        if one.source == "self":
            return next((last.number for last in self.history(one.archive).publications[-1:]), None)
        seen = self.looks.get((one.mirror, one.archive))
        return seen.glimpse.number if seen and seen.glimpse else None

    def together(self, store: Store, remembering: bool) -> dict[Key, Sighting]:
        """Everybody. ``remembering``: also whom others told us of before, and do not now."""
        kin = self._kin()
        found = {key: self._of(member, kin, store) for key, member in self.members.items()}
        way = kin.on_the_way()
        found |= {key: one for key, one in kin.others().items() if key in way or self._is_there(one)}
        if remembering:
            found |= self._remembered(found)
        self.before = {key: _dated(one, self.before.get(key)) for key, one in found.items()}
        return self.before

    def _remembered(self, found: Mapping[Key, Sighting]) -> dict[Key, Sighting]:
        """Those whom nobody tells us of now, as far as there is room: somebody may tell of ever new ones."""
        room = MOST - sum(map(_is_hearsay, found.values()))
        known = ((key, one) for key, one in self.before.items() if key not in found and _is_hearsay(one))
        return dict(islice(known, max(0, room)))

    def _kin(self) -> Kin:
        looks = {key: seen.glimpse for key, seen in self.looks.items() if seen.glimpse}
        own = {(self.settings.name, archive): glimpse for archive, glimpse in self.own.items()}
        heard = {report.name: mirror for mirror, report in self.reports.items()}
        known = {key: member.parent for key, member in self.members.items()}
        return Kin(known, heard | self.names, looks | own, self.reports)

    def _of(self, member: Member, kin: Kin, store: Store) -> Sighting:
        """One whom we were told of: by our own look, or by its answers to our triggers."""
        one = replace(member.unseen(), parent=kin.parent(member.key), activity=kin.activity(member.key))
        if member.source == "self":
            return _ourselves(one, store)
        if member.urls and not (member.claimed and self._is_blind(member.key)):
            return self._looked_at(one)
        told = self.deliveries.get((member.told, member.archive))
        carries = (told.carries if told else None) or kin.traced(member.key)
        return replace(one, serial=carries, error=told.error if told else "", url=None if member.claimed else one.url)

    def _is_blind(self, key: Key) -> bool:
        """Whether a mirror cannot be seen where it says that it is; nobody promised us that it can."""
        seen = self.looks.get(key)
        return seen is None or seen.glimpse is None or bool(seen.error)

    def _looked_at(self, one: Sighting) -> Sighting:
        """As it was last seen, in an earlier life perhaps."""
        key = (one.mirror, one.archive)
        seen, before = self.looks.get(key), self.before.get(key, one)
        if seen and (glimpse := seen.glimpse):
            found = replace(one, serial=glimpse.carried, consistent=glimpse.consistent, seen_at=seen.seen_at)
            return replace(found, url=seen.url, looked_at=seen.looked_at, error=seen.error)
        one = replace(one, serial=before.serial, consistent=before.consistent, seen_at=before.seen_at, url=before.url)
        return replace(one, looked_at=seen.looked_at, error=seen.error) if seen else one

    def _is_there(self, one: Sighting) -> bool:
        """Whether one whom nobody told us of is anybody: traces of those who are long gone stay, too."""
        if one.source != "trace":
            return True
        lag = self.history(one.archive).standing(one.serial, time.time()).lag
        return lag is not None and lag <= BAD


def _ourselves(one: Sighting, store: Store) -> Sighting:
    """What we publish; while our syncs fail, nobody can say what they would have brought since the last good one."""
    state = store.archive(one.archive)
    one = replace(one, serial=state.serial, consistent=True, changed_at=state.published)
    if not state.failures:
        return one
    error = next(iter(store.last_error(one.archive).splitlines()), "")
    return replace(one, seen_at=store.last_good(one.archive) or state.published, error=error)


def _is_hearsay(one: Sighting) -> bool:
    return one.source in ("report", "trace")


def _dated(one: Sighting, before: Sighting | None) -> Sighting:
    """With the time when its serial was first seen."""
    if one.changed_at is not None or one.serial is None:
        return one
    same = before is not None and before.serial == one.serial
    return replace(one, changed_at=before.changed_at if before and same else time.time())
