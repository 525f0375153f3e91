"""What is not as it should be, now: read from the store, decided by nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Final

from appliance import expiry
from appliance.places import Places
from appliance.records import ArchiveState
from appliance.settings import Settings
from appliance.store import Store
from appliance.sync.quarantine import Quarantine
from appliance.sync.staging import Staging

PERSISTENT: Final = 3
"""Failed attempts before something that is tried again by itself is worth anybody's attention."""

STALE: Final = 8 * 3600.0
"""Seconds without a good run after which a failing mirror is stale (SME Server's masters list no older one)."""

UNDELIVERED: Final = 4 * 3600.0
"""Seconds for which a downstream answers and takes no update before that is worth anybody's attention."""


class Aspect(Enum):
    """What can be wrong; the value is how people are told that it is, and that it is no more."""

    FAILING = ("syncs fail", "syncs again")
    REFUSED = ("update refused", "updates fit again")
    HELD = ("deletes are held back", "deletes go on")
    STALE = ("stale", "fresh again")
    EXPIRED = ("a suite has expired", "every suite is valid again")
    LOST = ("downstream lost", "downstream is back")
    UNDELIVERED = ("updates are not delivered", "updates are delivered again")


OF_SYNCS: Final = (Aspect.FAILING, Aspect.REFUSED, Aspect.STALE)
"""What only a good sync ends."""

OF_DOWNSTREAMS: Final = (Aspect.LOST, Aspect.UNDELIVERED)
"""What is not of an archive."""


@dataclass(frozen=True, slots=True)
class Condition:
    """Something that is wrong with a subject: an archive, or a downstream."""

    aspect: Aspect
    subject: str
    reason: str


@dataclass(frozen=True, slots=True)
class Findings:
    """Every condition there is, and when time alone may bring the next one (epoch seconds; None: never).

    ``unsettled`` are those, by aspect and subject, of which nobody can say yet that they are over: as long as syncs
    fail, that they fail otherwise is no good news, nor that a downstream does not even answer any more.
    """

    conditions: tuple[Condition, ...]
    next: float | None
    unsettled: frozenset[tuple[Aspect, str]]


def subjects_of(settings: Settings) -> frozenset[str]:
    """Whatever anybody may be told of; of what is configured no more nothing is over, it is not there."""
    told = {one.name for name in settings.archives for one in settings.downstreams_of(name)}
    return frozenset(told.union(settings.archives))


def find(settings: Settings, places: Places, store: Store, now: float) -> Findings:
    """Look at every archive and every downstream."""
    found, known = [*_lost(store), *_undelivered(store, now)], subjects_of(settings)
    failing = {told.downstream: told.failing for told in store.deliveries() if told.failing}
    moments = [since + UNDELIVERED for since in failing.values()]
    unsettled = {(Aspect.UNDELIVERED, name) for name in failing}
    for name in settings.archives:
        found += _archive(places, store, name, now)
        moments += _moments(places, store, name)
    return Findings(
        tuple(condition for condition in found if condition.subject in known),
        min((moment for moment in moments if moment > now), default=None),
        frozenset(unsettled.union(_unsettled(settings, store))),
    )


def _unsettled(settings: Settings, store: Store) -> Iterator[tuple[Aspect, str]]:
    failing = (name for name in settings.archives if store.archive(name).failures)
    yield from ((aspect, name) for name in failing for aspect in OF_SYNCS)


def _archive(places: Places, store: Store, name: str, now: float) -> Iterator[Condition]:
    state = store.archive(name)
    if state.failures:
        yield from _failures(places, store, state, now)
    if state.note:
        yield Condition(Aspect.HELD, name, state.note)
    late = expiry.remarks(expiry.ends(store, places, name), now)
    if late:
        yield Condition(Aspect.EXPIRED, name, "; ".join(late))


def _failures(places: Places, store: Store, state: ArchiveState, now: float) -> Iterator[Condition]:
    name, reason = state.name, store.last_error(state.name)
    kept = Quarantine(Staging(places.staging(name)).quarantine).newest()
    if kept and kept.run == store.last_ended(name):
        yield Condition(Aspect.REFUSED, name, reason)
    elif state.failures >= PERSISTENT or not _is_tried_again(store, name):
        yield Condition(Aspect.FAILING, name, reason)
    good = _good(store, state)
    if good is not None and now >= good + STALE:
        yield Condition(Aspect.STALE, name, f"no good sync for {(now - good) / 3600:.0f} hours: {reason}")


def _good(store: Store, state: ArchiveState) -> float | None:
    """When all was well last; runs that have failed for days may have taken the place of the last good one."""
    return store.last_good(state.name) or state.published


def _is_tried_again(store: Store, name: str) -> bool:
    """Whether it needs nobody yet."""
    return any(request.source == "retry" for request in store.open_requests(name))


def _lost(store: Store) -> Iterator[Condition]:
    """Who is lost is so for all its archives."""
    lost = {told.downstream: told.error for told in store.deliveries() if told.state == "lost"}
    for downstream, reason in lost.items():
        yield Condition(Aspect.LOST, downstream, reason)


def _undelivered(store: Store, now: float) -> Iterator[Condition]:
    """Who answers and fails; who does not answer is lost."""
    reasons: dict[str, list[str]] = {}
    for told in store.deliveries():
        if told.failing and told.state != "lost" and now >= told.failing + UNDELIVERED:
            hours = (now - told.failing) / 3600
            reasons.setdefault(told.downstream, []).append(f"{told.archive}: for {hours:.0f} hours: {told.error}")
    for downstream, found in reasons.items():
        yield Condition(Aspect.UNDELIVERED, downstream, "; ".join(found))


def _moments(places: Places, store: Store, name: str) -> Iterator[float]:
    state = store.archive(name)
    if state.failures and (good := _good(store, state)):
        yield good + STALE
    yield from expiry.ends(store, places, name).values()
