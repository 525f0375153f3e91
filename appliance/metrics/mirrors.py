"""The mirrors around us: what those we trigger were told, how fast news reaches everybody, how far who is behind."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, get_args

from prometheus_client.core import Metric

from appliance.controller import Controller
from appliance.metrics.families import Values, gauge, histogram, one_of
from appliance.records import Fresh, Sighting
from appliance.store.timings import PROPAGATION

STATES: Final = ("pending", "pushing", "delivered", "failing", "lost")

_TOLD: Final = ("downstream", "archive")
_SEEN: Final = ("mirror", "archive")

_PROPAGATION: Final = (
    "From a publication here to the first sight of it at another mirror, all by our clock; tier 1 fetches from us,"
    " 0 is unknown. Each publication counts once for each mirror, what a mirror had when it was first seen does not."
)


def families(controller: Controller) -> Iterable[Metric]:
    """Of all other mirrors."""
    yield from _told(controller)
    names, timings = controller.watch.names(), controller.store.timings(PROPAGATION)
    took = [((one.subject, one.archive, one.word), one) for one in timings if one.subject in names]
    yield histogram("mirror_propagation_seconds", _PROPAGATION, (*_SEEN, "tier"), took)
    seen = controller.watch.sightings()
    yield from _watched([one for one in seen if one.source != "self" and one.mirror in names])


def _told(controller: Controller) -> Iterable[Metric]:
    told = controller.store.deliveries()
    states = [value for one in told for value in one_of(STATES, (one.downstream, one.archive), one.state)]
    words = "1 for the state a delivery is in, 0 for the others."
    yield gauge("mirror_delivery_state", words, (*_TOLD, "state"), states)
    owed = [((one.downstream, one.archive), one.since) for one in told if one.state != "delivered"]
    words = "Since when a downstream is to be told of a publication that it does not know."
    yield gauge("mirror_delivery_owed_timestamp_seconds", words, _TOLD, owed)
    seen = [((one.downstream, one.archive), float(one.is_confirmed)) for one in told if one.carries]
    words = "1 when it was seen to publish what it was told of."
    yield gauge("mirror_delivery_confirmed", words, _TOLD, seen)


def _watched(seen: list[Sighting]) -> Iterable[Metric]:
    states = [value for one in seen for value in one_of(get_args(Fresh), (one.mirror, one.archive), one.fresh)]
    words = "1 for how far a mirror is behind, in a word, 0 for the others."
    yield gauge("mirror_watched_freshness", words, (*_SEEN, "freshness"), states)
    words = "Seconds since what a mirror lacks was published here; 0 for who has everything."
    yield gauge("mirror_watched_lag_seconds", words, _SEEN, _known(seen, "lag"))
    yield gauge(
        "mirror_watched_missed_publications", "Publications a mirror has not got.", _SEEN, _known(seen, "missed")
    )
    words = "1 when a mirror's indices are those of the serial that its trace tells."
    yield gauge("mirror_watched_consistent", words, _SEEN, _known(seen, "consistent"))
    words = "When somebody last looked at a mirror."
    yield gauge("mirror_watched_looked_timestamp_seconds", words, _SEEN, _known(seen, "looked_at"))


def _known(seen: list[Sighting], figure: str) -> Values:
    found = (((one.mirror, one.archive), getattr(one, figure)) for one in seen)
    return [(key, float(value)) for key, value in found if value is not None]
