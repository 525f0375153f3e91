"""Every mirror that the settings name: ourselves, those we trigger, and the registered ones; each under one name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from appliance.records import Sighting, Source
from appliance.settings import Downstream, RegisteredMirror, Settings


@dataclass(frozen=True, slots=True)
class Member:
    """One archive at one mirror. ``urls`` are where its users find it, the best first; ``told`` is its name as a
    downstream of ours, empty when we do not trigger it. ``claimed``: the URL is its own word, perhaps of no use."""

    mirror: str
    archive: str
    source: Source
    parent: str | None = None
    urls: tuple[str, ...] = ()
    told: str = ""
    claimed: bool = False
    listed: bool = False
    country: str = ""
    weight: int = 100

    @property
    def key(self) -> tuple[str, str]:
        """What a sighting is found by."""
        return self.mirror, self.archive

    def unseen(self) -> Sighting:
        """What is known without a look."""
        return Sighting(
            self.mirror, self.archive, self.parent, self.source, self.urls[0] if self.urls else None,
            listed=self.listed, country=self.country, weight=self.weight,
        )  # fmt: skip


def members(settings: Settings, claims: Mapping[tuple[str, str], str]) -> Iterator[Member]:
    """Everybody, archive by archive, ourselves first. Who has registered and is triggered, too, is there once.

    ``claims`` are the URLs that downstreams tell of themselves, by name and archive: for whom we were told of none.
    """
    for archive, held in settings.archives.items():
        yield _ourselves(settings, archive, held.upstream.host if held.upstream else None)
        told: dict[str, Member] = {}
        for one in settings.downstreams_of(archive):
            member = _downstream(settings, archive, one)
            claim = claims.get((one.name, archive)) if not member.urls else None
            told.setdefault(member.mirror, replace(member, urls=(claim,), claimed=True) if claim else member)
        yield from told.values()
        for registered in settings.registry:
            if registered.carries(archive) and registered.name not in (settings.name, *told):
                yield _registered(registered, archive)


def _ourselves(settings: Settings, archive: str, parent: str | None) -> Member:
    """With our own registration, if there is one: users may be sent here, too."""
    own = next((known for known in settings.registry if known.name == settings.name and known.carries(archive)), None)
    if own is None:
        return Member(settings.name, archive, "self", parent)
    return replace(_registered(own, archive), source="self", parent=parent)


def _downstream(settings: Settings, archive: str, one: Downstream) -> Member:
    registered = next((known for known in settings.registry if known.name in (one.name, one.host)), None)
    site = (one.site.replace("*", archive),) if one.site else ()
    if registered is None:
        return Member(one.name, archive, "downstream", settings.name, site, one.name)
    urls = tuple(dict.fromkeys((*registered.urls_of(archive), *site)))
    return Member(
        registered.name, archive, "downstream", settings.name, urls, one.name, False,
        registered.listed and registered.carries(archive), registered.country, registered.weight,
    )  # fmt: skip


def _registered(mirror: RegisteredMirror, archive: str) -> Member:
    return Member(
        mirror.name, archive, "registered", mirror.parent or None, mirror.urls_of(archive),
        listed=mirror.listed, country=mirror.country, weight=mirror.weight,
    )  # fmt: skip


def aliases(settings: Settings) -> dict[str, str]:
    """Other names under which traces and reports may know those of ``members``: names in our settings, and hosts.

    A host that two of them share is nobody's name.
    """
    found: dict[str, set[str]] = {settings.name: {settings.name}}
    for registered in settings.registry:
        for name in (registered.name, *(urlsplit(url).hostname or "" for url in registered.urls)):
            found.setdefault(name, set()).add(registered.name)
    for archive in settings.archives:
        for one in settings.downstreams_of(archive):
            mirror = _downstream(settings, archive, one).mirror
            for name in (one.name, one.host, urlsplit(one.site).hostname or ""):
                found.setdefault(name, set()).add(mirror)
    return {name: next(iter(mirrors)) for name, mirrors in found.items() if name and len(mirrors) == 1}
