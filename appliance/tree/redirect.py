"""Which mirror a client is sent to for one path, decided from what is known and nothing else.

Metadata comes from mirrors that carry our serial, or a newer one, and a client comes to the same one as long as that
is so: what it reads fits together. A file that only its index makes known comes from any mirror whose serial has it.
Whoever is left without a mirror gets it from ourselves, who have it.
"""

from __future__ import annotations

import heapq
import math
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import shake_256
from typing import Final, TypeVar
from zlib import crc32

from appliance.tree.place import Place, newest, unlisted

PARTS: Final = 256
"""Clients fall into so many parts, each of which goes to one mirror."""

OTHERS: Final = 4
"""Mirrors that are named as duplicates in an answer."""

REMEMBERED: Final = 16384
"""Choices that are kept as long as nothing changes."""

DRAWERS: Final = 2048
"""Mirrors whose draws are kept, at 2 KiB each."""

_Key = TypeVar("_Key")


@dataclass(frozen=True, slots=True)
class Wants:
    """What a request needs of a mirror: the serial ``since`` which the path is there, None when only we may have it.

    ``metadata``: it must fit what the client reads next; ``country`` is its own, empty when unknown; ``secure``: it
    came by https, and may not be led away from that.
    """

    since: int | None
    metadata: bool = False
    country: str = ""
    secure: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a candidate, and why; ``fit`` ones could have been chosen."""

    place: Place
    fit: bool
    reason: str


class Table:
    """The mirrors of an archive at one moment, ready to be chosen from."""

    def __init__(self, all: Sequence[Place]) -> None:
        self.places = tuple(all)
        self.newest = newest(all)
        self._fit: dict[Wants, tuple[Place, ...]] = {}
        self._best: dict[tuple[Wants, int], tuple[Place, ...]] = {}

    def choose(self, wants: Wants, who: bytes) -> tuple[Place, ...]:
        """Where to, the best first, and up to OTHERS more; the same for the same ``who``. Empty: to ourselves."""
        part = crc32(who) % PARTS
        best = self._best.get((wants, part))
        if best is None:
            best = _keep(self._best, (wants, part), drawn(self._fit_for(wants), part))
        return best

    def _fit_for(self, wants: Wants) -> tuple[Place, ...]:
        known = self._fit.get(wants)
        return _keep(self._fit, wants, self.fit(wants)) if known is None else known

    def fit(self, wants: Wants) -> tuple[Place, ...]:
        """Those that could be chosen: of the client's country if there are any, of weight 0 if there are no others."""
        able = [place for place in self.places if not self.refusal(place, wants)]
        near = [place for place in able if wants.country and place.country == wants.country and place.weight]
        return tuple(near or [place for place in able if place.weight] or able)

    def refusal(self, place: Place, wants: Wants) -> str:
        """Why a mirror cannot be chosen; empty when it can. Ourselves only when we are registered among the others."""
        if place.ours and not (place.given and place.urls):
            return "are ourselves: for who finds nobody else"
        if reason := unlisted(place):
            return reason
        if place.fresh != "fresh" and not place.ours:
            return f"is {place.fresh}"
        if wants.secure and not place.url(True).startswith("https:"):
            return "has no https URL, and the client came by https"
        if wants.metadata and not place.is_current(self.newest):
            return f"is not consistently at our serial {self.newest}"
        if wants.since is None or place.number is None or place.number < wants.since:
            return "does not carry a serial that is known to have this path"
        return ""

    def explain(self, wants: Wants, who: bytes) -> tuple[Verdict, ...]:
        """Every candidate with the reason for or against it; the chosen one first."""
        chosen, fit = self.choose(wants, who), self.fit(wants)
        verdicts = [self._verdict(place, wants, chosen, fit) for place in self.places]
        return tuple(sorted(verdicts, key=lambda one: (one.place not in chosen[:1], not one.fit, one.place.name)))

    def _verdict(self, place: Place, wants: Wants, chosen: Sequence[Place], fit: Sequence[Place]) -> Verdict:
        if reason := self.refusal(place, wants):
            return Verdict(place, False, reason)
        if place not in fit:
            return Verdict(place, False, "has weight 0" if not place.weight else "is in another country")
        if place in chosen[:1]:
            return Verdict(place, True, "is where this client is sent")
        return Verdict(place, True, "would do; this client's part goes elsewhere")


def drawn(fit: Iterable[Place], part: int) -> tuple[Place, ...]:
    """Who is best for one part of the clients, and next best: by weight. One mirror more or less moves its own only.

    Weighted rendezvous: every mirror draws a number for every part, and who drew the smallest has it.
    """
    return tuple(heapq.nsmallest(1 + OTHERS, fit, key=lambda place: _draws(place.name)[part] / (place.weight or 1)))


@lru_cache(DRAWERS)
def _draws(name: str) -> array[float]:
    """What a mirror draws for each part: always the same, exponentially distributed."""
    noise = shake_256(name.encode()).digest(6 * PARTS)
    seeds = (int.from_bytes(noise[6 * part : 6 * part + 6], "big") for part in range(PARTS))
    return array("d", (-math.log((seed + 1) / (2**48 + 1)) for seed in seeds))


def _keep(kept: dict[_Key, tuple[Place, ...]], key: _Key, value: tuple[Place, ...]) -> tuple[Place, ...]:
    """Bounded: who asks in ever new ways costs time, and no memory."""
    if len(kept) >= REMEMBERED:
        kept.clear()
    kept[key] = value
    return value
