"""Lists of an archive's mirrors in the forms that clients and checkers read: from what is known to text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from appliance.records import Fresh, Sighting
from appliance.tree.place import Place, newest, unlisted

NEAR, FAR, LAST = 1, 2, 9
"""Priorities in apt's list: the client's own country, any other, ourselves."""


def listed(all: Iterable[Place], country: str = "") -> list[Place]:
    """Those that may be given to users: of the client's country first, current before late, heavy before light.

    Ourselves last, unless we are registered like the others.
    """
    every = [*all]
    ours = newest(every)
    fit = (one for one in every if not unlisted(one) and one.urls)

    def order(one: Place) -> tuple[bool, bool, bool, int, str]:
        return (
            one.ours and not one.given,
            not country or one.country != country,
            not one.is_current(ours),
            -one.weight,
            one.name,
        )

    return sorted(fit, key=order)


def plain(all: Iterable[Place], secure: bool, country: str = "") -> str:
    """A URL a line."""
    return "".join(f"{one.url(secure)}/\n" for one in listed(all, country))


def apt(all: Sequence[Place], secure: bool, country: str = "") -> str:
    """For ``mirror+http://…`` in a sources list, by apt-transport-mirror(1).

    Only who carries our serial consistently is given for indices; packages may come from whoever is a little late, too:
    where one is not there yet, apt takes the next mirror.
    """
    ours = newest(all)
    return "".join(_apt_line(one, one.is_current(ours), secure, country) for one in listed(all, country))


def _apt_line(one: Place, current: bool, secure: bool, country: str) -> str:
    near = not country or one.country == country
    priority = LAST if one.ours and not one.given else NEAR if near else FAR
    kinds = "" if current or one.ours else " type:deb type:deb-src"
    return f"{one.url(secure)}/\tpriority:{priority}{kinds}\n"


def yum(all: Sequence[Place], repository: str, secure: bool, country: str = "") -> str:
    """The ``mirrorlist=`` of dnf and yum for one repository: the URLs of it, of mirrors that are current only."""
    ours = newest(all)
    below = f"{repository}/" if repository else ""
    current = (one for one in listed(all, country) if one.ours or one.is_current(ours))
    return "".join(f"{one.url(secure)}/{below}\n" for one in current)


def pacman(all: Sequence[Place], secure: bool, country: str = "") -> str:
    """A ``mirrorlist`` that pacman.conf includes; its databases come from mirrors that are current only."""
    ours = newest(all)
    current = (one for one in listed(all, country) if one.ours or one.is_current(ours))
    return "".join(f"Server = {one.url(secure)}/$repo/os/$arch\n" for one in current)


def table(all: Sequence[Place], seen: Iterable[Sighting]) -> list[dict[str, Any]]:
    """Every mirror that wants users, for programs: also those that are in no list now, with the reason.

    Times are epoch seconds. Nothing here that an operator did not register for the public.
    """
    ours = newest(all)
    known = {one.mirror: one for one in seen}
    return [_row(one, known.get(one.name), one.is_current(ours)) for one in all if one.given or one.ours]


def _row(one: Place, seen: Sighting | None, current: bool) -> dict[str, Any]:
    return {
        "name": one.name,
        "urls": [f"{url}/" for url in one.urls],
        "country": one.country or None,
        "weight": one.weight,
        "serial": str(one.number) if one.number is not None else None,
        "fresh": one.fresh,
        "current": current,
        "consistent": one.consistent,
        "missed": seen.missed if seen else None,
        "lag_seconds": round(seen.lag, 1) if seen and seen.lag is not None else None,
        "looked_at": seen.looked_at if seen else None,
        "listed": not unlisted(one),
        "reason": unlisted(one) or None,
    }


_MIRMON: Final[Mapping[Fresh, str]] = {"fresh": "s", "stale": "b", "unlisted": "f", "bad": "z", "unknown": "z"}
"""Its letters for fresh, oldish, old and bad (Mirmon(3), state_history)."""


def mirmon(all: Iterable[Place], seen: Iterable[Sighting], ages: Mapping[int, float]) -> str:
    """The state file of mirmon: a line of seven fields for each mirror, ``undef`` for what nobody knows (Mirmon(3)).

    ``ages`` has when each serial was published here: what mirmon calls a mirror's age is the time of what it carries.
    """
    known = {one.mirror: one for one in seen}
    lines = [_mirmon_line(one, known[one.name], ages) for one in all if one.urls and one.name in known and one.given]
    return "".join(sorted(lines))


def _mirmon_line(one: Place, seen: Sighting, ages: Mapping[int, float]) -> str:
    age = ages.get(one.number) if one.number is not None else None
    status = "ok" if not one.error else "_".join(one.error.split())[:80]
    good, last = (_stamp(when) for when in (seen.looked_at if not one.error else seen.seen_at, seen.looked_at))
    history = f"{last}-{_MIRMON[one.fresh]}" if seen.looked_at else "undef"
    probes = ("f" if one.error else "s") if seen.looked_at else "undef"
    return f"{one.urls[0]}/ {_stamp(age)} {status if seen.looked_at else 'undef'} {good} {probes} {history} {last}\n"


def _stamp(when: float | None) -> str:
    return "undef" if when is None else str(int(when))
