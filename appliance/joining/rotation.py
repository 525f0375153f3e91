"""A push key that takes the place of another: who has been told of it, and who has not."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from appliance.introduction import push_keys
from appliance.places import Places
from appliance.records import Member
from appliance.settings import Settings


@dataclass(frozen=True, slots=True)
class Rotation:
    """The new key, the members that have not been told, and who else knows us by our key."""

    key: str
    untold: tuple[str, ...]
    others: tuple[str, ...]
    finished: bool = False

    @property
    def is_over(self) -> bool:
        """Whether nobody is left who may know the old key alone."""
        return not self.untold and not self.others


def is_under_way(places: Places) -> bool:
    """Whether there are two push keys."""
    return places.state_next_push_key.exists()


def seen(settings: Settings, places: Places, members: Iterable[Member]) -> Rotation:
    """How far it has come, by the settings in force."""
    new = push_keys(places)[-1]
    joined = {one.name: one for one in members if one.is_joined}
    untold = tuple(name for name, one in joined.items() if one.ssh and new not in one.told)
    return Rotation(new, untold, _others(settings, joined))


def _others(settings: Settings, members: Collection[str]) -> tuple[str, ...]:
    """Downstreams by ssh that are no members, and upstreams that let us fetch by it."""
    told = (one for archive in settings.archives for one in settings.downstreams_of(archive))
    pushed = {one.name for one in told if not one.url and not one.key}
    ways = (way for one in settings.archives.values() for way in (one.upstream, *one.fallbacks) if way)
    return tuple(sorted({*(pushed - set(members)), *(way.host for way in ways if way.scheme == "rsync+ssh")}))
