"""How far our news has come: every mirror that is seen to carry it, and how many steps away from us it is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from appliance.records import Sighting
from appliance.store import Store

FARTHEST: Final = 32
"""Steps after which nobody is looked for any more: parents are told by strangers, and may go round in a circle."""

Parents = Mapping[str, str | None]
"""From whom each mirror fetches an archive, as far as is known."""


def tier(mirror: str, parents: Parents, us: str) -> int:
    """How many steps a mirror is away from us; 0 when nobody knows."""
    above: str | None = mirror
    for step in range(1, FARTHEST):
        above = parents.get(above) if above else None
        if above == us:
            return step
    return 0


def note(
    store: Store, us: str, seen: Iterable[Sighting], everybody: Iterable[Sighting], told: Mapping[str, str]
) -> None:
    """Count what was seen to arrive, at the moment when it was first seen.

    Whom we trigger is known by his name as a downstream (``told``): his own answer may have come before.
    """
    parents: dict[str, dict[str, str | None]] = {}
    for one in everybody:
        parents.setdefault(one.archive, {})[one.mirror] = one.parent
    for one in seen:
        if one.source != "self" and one.serial and one.changed_at:
            steps = tier(one.mirror, parents.get(one.archive, {}), us)
            store.arrived(told.get(one.mirror, one.mirror), one.archive, one.serial, steps, one.changed_at)
