"""The mirrors of one archive as users may be sent to them: where each is, what it carries, what speaks against it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from appliance.records import Fresh, Sighting, serial_number
from appliance.settings.registered import RegisteredMirror

LISTED: Final = ("fresh", "stale")
"""Who is called so may stand in a list; nobody is redirected to one that is not fresh."""

WEB: Final = ("http://", "https://")


@dataclass(frozen=True, slots=True)
class Place:
    """One archive at one mirror, with nothing in it that changes while nothing happens.

    ``urls`` are those of the web, the best first, without a slash at the end; ``number`` is the serial it carries.
    ``ours``: this very mirror; ``given``: it is to get its share of users, as registered; we are there for who finds
    nobody else, whether given or not.
    """

    name: str
    urls: tuple[str, ...] = ()
    number: int | None = None
    fresh: Fresh = "unknown"
    consistent: bool | None = None
    error: str = ""
    given: bool = False
    country: str = ""
    weight: int = 100
    ours: bool = False

    def url(self, secure: bool) -> str:
        """Where a client that came by https, or not, finds it best; empty when it has no URL of the web."""
        safe = (url for url in self.urls if secure and url.startswith("https:"))
        return next(safe, self.urls[0] if self.urls else "")

    def is_current(self, newest: int | None) -> bool:
        """Whether it carries that serial or a newer one, and its indices are not seen to be older."""
        return self.number is not None and newest is not None and self.number >= newest and self.consistent is not False


def places(archive: str, seen: Iterable[Sighting], registry: Iterable[RegisteredMirror]) -> tuple[Place, ...]:
    """Everybody who was seen with an archive, in the same order: ourselves first."""
    registered = {one.name: one for one in registry}
    return tuple(_place(one, registered.get(one.mirror)) for one in seen if one.archive == archive)


def _place(seen: Sighting, registered: RegisteredMirror | None) -> Place:
    ours = seen.source == "self"
    known = registered if registered and registered.carries(seen.archive) else None
    urls = dict.fromkeys((*(known.urls_of(seen.archive) if known else ()), *([seen.url] if seen.url else [])))
    return Place(
        seen.mirror,
        tuple(url.rstrip("/") for url in urls if url.startswith(WEB)),
        serial_number(seen.serial),
        seen.fresh,
        seen.consistent,
        seen.error,
        known.listed if known else seen.listed and not ours,
        (known.country if known else seen.country).lower(),
        known.weight if known else seen.weight,
        ours,
    )


def with_us(all: Iterable[Place], url: str) -> tuple[Place, ...]:
    """The same with ourselves at a URL, unless we are registered with one of our own."""
    return tuple(replace(one, urls=(url,)) if one.ours and not one.urls else one for one in all)


def newest(all: Iterable[Place]) -> int | None:
    """The serial that we carry; while we have none, the newest that anybody does."""
    numbers = [(one.ours, one.number) for one in all if one.number is not None]
    return max(numbers)[1] if numbers else None


def unlisted(place: Place) -> str:
    """Why a mirror is in no list; empty when it may be."""
    return next(_reasons(place), "")


def _reasons(place: Place) -> Iterator[str]:
    if place.ours:  # nobody is asked whether it answers who just asked it
        return
    if not place.given:
        yield "is not registered as one that wants users"
    if not place.urls:
        yield "has no http or https URL"
    if place.error:
        yield f"did not answer when it was looked at: {place.error}"
    if place.number is None:
        yield "was never seen with a serial"
    if place.fresh not in LISTED:
        yield f"is {place.fresh}"
