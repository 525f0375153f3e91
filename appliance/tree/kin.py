"""Who fetches from whom, and who else there is: what traces on the mirrors, and reports of appliances, give away."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Final

from appliance.records import Sighting, serial_number
from appliance.tree.probe import Glimpse
from appliance.tree.reports import Report, Told

MOST: Final = 1000
"""Mirrors that traces and reports may add to those we were told of."""

Key = tuple[str, str]
"""A mirror's name and an archive's."""


@dataclass(frozen=True)
class Kin:
    """What has been gathered: ``glimpses`` of the members, ``reports`` by the names of the members that serve them.

    ``members`` are those we were told of, each with the parent that we were told of, ``names`` other names of theirs.
    All of it is gone through once, however many are asked for: everybody may tell of everybody.
    """

    members: Mapping[Key, str | None]
    names: Mapping[str, str]
    glimpses: Mapping[Key, Glimpse] = field(default_factory=dict)
    reports: Mapping[str, Report] = field(default_factory=dict)

    def known_as(self, name: str) -> str:
        """The name that we know a mirror by."""
        return self.names.get(name, name)

    def parent(self, key: Key) -> str | None:
        """The mirror that a member fetches from: as its traces have it, then as others report it, then as we were
        told."""
        glimpse = self.glimpses.get(key)
        if glimpse and (parent := self._above(key[0], glimpse)):
            return parent
        return self._parents.get(key) or self.members.get(key)

    def _above(self, mirror: str, glimpse: Glimpse) -> str | None:
        """A copy of a tree without a trace of its own is below the last one on the way."""
        way = [self.known_as(tier.name) for tier in glimpse.chain]
        if mirror in way:
            place = way.index(mirror)
            above = way[place - 1] if place else self.known_as(glimpse.chain[0].upstream)
        elif way:
            above = way[-1]
        else:
            own = (trace.upstream for trace in glimpse.traces if self.known_as(trace.name) == mirror and trace.upstream)
            above = self.known_as(next(own, mirror))
        return above if above != mirror else None

    def activity(self, key: Key) -> str | None:
        """What a member does, in its own words."""
        report = self.reports.get(key[0])
        return report.activities.get(key[1]) if report else None

    def others(self) -> dict[Key, Sighting]:
        """Everybody we were not told of; a report counts more than a trace, and of traces the newest."""
        found: dict[Key, Sighting] = {}
        for at, told in self._told():
            key = (told.mirror, told.archive)
            if self._is_new(key, found):
                found[key] = Sighting(
                    told.mirror, told.archive, told.parent, "report", serial=told.serial,
                    consistent=told.consistent, activity=told.activity, looked_at=at, seen_at=at,
                )  # fmt: skip
        for one in self._traced():
            key = (one.mirror, one.archive)
            if self._is_new(key, found):
                found[key] = one
            elif key in found and _adds(one, found[key]):
                found[key] = replace(found[key], serial=one.serial)
        return found

    def _is_new(self, key: Key, found: Mapping[Key, Sighting]) -> bool:
        return key not in self.members and key not in found and len(found) < MOST

    def traced(self, key: Key) -> str | None:
        """The newest serial with which a mirror's trace was seen anywhere: what it carried at least."""
        return self._newest.get(key)

    def on_the_way(self) -> set[Key]:
        """Those from whom a member fetches, through others perhaps. Any other trace may be of one long gone."""
        return {
            (self.known_as(tier.name), archive)
            for (_, archive), glimpse in self.glimpses.items()
            for tier in glimpse.chain
        }

    def _traced(self) -> Iterator[Sighting]:
        for (_, archive), glimpse in self.glimpses.items():
            way = [self.known_as(tier.name) for tier in glimpse.chain]
            above = dict(zip(way[1:], way, strict=False))
            # What came through a mirror it has carried, also before it wrote a trace of that.
            for tier in way:
                yield Sighting(tier, archive, above.get(tier), "trace", serial=glimpse.trace)
            for trace in glimpse.traces:
                mirror = self.known_as(trace.name)
                parent = above.get(mirror) or (self.known_as(trace.upstream) if trace.upstream else None)
                yield Sighting(mirror, archive, parent if parent != mirror else None, "trace", serial=trace.serial)

    @cached_property
    def _newest(self) -> Mapping[Key, str]:
        found: dict[Key, str] = {}
        for one in self._traced():
            key = (one.mirror, one.archive)
            if one.serial and (serial_number(one.serial) or 0) > (serial_number(found.get(key)) or -1):
                found[key] = one.serial
        return found

    @cached_property
    def _parents(self) -> Mapping[Key, str]:
        """As the first report has them that knows."""
        found: dict[Key, str] = {}
        for _, told in self._told():
            if told.parent:
                found.setdefault((told.mirror, told.archive), told.parent)
        return found

    def _told(self) -> Iterator[tuple[float, Told]]:
        """What is reported, by the names that we know; the mirror itself needs no other to tell of it."""
        for report in self.reports.values():
            for told in report.told:
                mirror, parent = self.known_as(told.mirror), self.known_as(told.parent) if told.parent else None
                same = (mirror, parent) == (told.mirror, told.parent)  # a copy of each is most of the time it takes
                yield report.at, told if same else replace(told, mirror=mirror, parent=parent)


def _adds(one: Sighting, known: Sighting) -> bool:
    """Whether a trace tells more than is known: another trace with an older serial, or none."""
    number, other = serial_number(one.serial), serial_number(known.serial)
    return number is not None and (other is None or (known.source == "trace" and number > other))
