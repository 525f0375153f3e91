"""What a token stands for: the variables that its operator would otherwise have been told by mail."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping

from appliance.errors import Problem
from appliance.joining.invitation import Invitation
from appliance.joining.membership import Membership
from appliance.settings.environment import INVITE
from appliance.settings.names import segment_of, variable
from appliance.settings.values import split_words

CHOICE = f"{INVITE}_ARCHIVES"


def texts(offer: Invitation, membership: Membership | None, given: Mapping[str, str]) -> dict[str, str]:
    """The texts by variable, without those that were ``given`` already."""
    chosen = carried(offer, _wanted(given))
    found = {"MIRROR_NAME": offer.name, **dict(_archives(offer, membership, chosen))}
    keys = membership.push_keys if membership else offer.push_keys
    sources = membership.sources if membership else offer.sources
    for name, key in _named(offer, keys, given):
        found[f"{name}__KEY"] = key
        found[f"{name}__ARCHIVES"] = " ".join(chosen)
        if sources:
            found[f"{name}__FROM"] = " ".join(sources)
    if hosts := membership.host_keys if membership else offer.host_keys:
        found["MIRROR_KNOWN_HOSTS"] = "\n".join(hosts)
    return {name: text for name, text in found.items() if name not in given}


def carried(offer: Invitation, wanted: Collection[str]) -> tuple[str, ...]:
    """The offered archives that we take, in their order: all, when none is ``wanted`` above others."""
    return tuple(name for name in offer.archives if not wanted or name in wanted)


def _wanted(given: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(split_words(given.get(CHOICE, "")))


def refused(offer: Invitation, membership: Membership | None, given: Mapping[str, str]) -> Iterator[Problem]:
    """What is wrong with a token that can be read, and with what was given beside it."""
    if offer.is_expired and membership is None:
        fact = f"the token from {offer.upstream} for {offer.name} has expired on {_day(offer.expires_at)}"
        again = f"mirrorctl invite {offer.name} {' '.join(f'--archive {name}' for name in offer.archives)}"
        yield Problem(INVITE, fact, f"ask its operator for another ({again}); or set this machine's clock right")
    for name in _wanted(given):
        if name not in offer.archives:
            yield Problem(CHOICE, f"{name!r} is not offered", f"the token offers {', '.join(offer.archives)}")
    for name in carried(offer, _wanted(given)):
        for setting in ("UPSTREAM", "PASSWORD"):
            own = variable("ARCHIVES", name, setting)
            if own in given:
                cure = f"keep one of the two; {CHOICE} names those archives that shall come from {offer.upstream}"
                yield Problem(own, f"is set, and {INVITE} brings it, too", cure)


def _archives(offer: Invitation, membership: Membership | None, chosen: Collection[str]) -> Iterator[tuple[str, str]]:
    scheme, _, place = offer.rsync.partition("://")
    user = membership.user if membership else offer.name
    for name in chosen:
        yield variable("ARCHIVES", name, "UPSTREAM"), f"{scheme}://{user}@{place.rstrip('/')}/{name}"
        yield variable("ARCHIVES", name, "PROFILE"), offer.archives[name]
        if membership:
            yield variable("ARCHIVES", name, "PASSWORD"), membership.password


def _named(offer: Invitation, keys: Collection[str], given: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """The variables of triggers for the keys that nobody else has: `MIRROR_TRIGGERS__HUB`, `…__HUB_2`, …"""
    known = {_blob(text) for name, text in given.items() if name.startswith("MIRROR_TRIGGERS__")}
    label = segment_of(offer.upstream) or "UPSTREAM"
    names = (f"MIRROR_TRIGGERS__{label}{number}" for number in ("", *(f"_{n}" for n in range(2, 1000))))
    free = (name for name in names if f"{name}__KEY" not in given)
    yield from zip(free, (key for key in keys if _blob(key) not in known), strict=False)


def _blob(key: str) -> str:
    return " ".join(key.split()[:2])


def _day(when: float) -> str:
    return time.strftime("%Y-%m-%d at %H:%M UTC", time.gmtime(when))
