"""Those who were invited: how many have joined, and when each was heard of last."""

from __future__ import annotations

from collections.abc import Iterable
from typing import get_args

from prometheus_client.core import Metric

from appliance.controller import Controller
from appliance.metrics.families import gauge
from appliance.records import Joined


def families(controller: Controller) -> Iterable[Metric]:
    """Of all members."""
    found = controller.store.members()
    counts = [((state,), float(sum(one.state == state for one in found))) for state in get_args(Joined)]
    yield gauge("mirror_members", "Mirrors that were invited, by what has become of it.", ("state",), counts)
    heard = [((one.name,), one.seen) for one in found if one.is_joined and one.seen]
    words = "When one that has joined last told us something new of itself, four times a day if all is well."
    yield gauge("mirror_member_seen_timestamp_seconds", words, ("downstream",), heard)
