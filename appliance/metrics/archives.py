"""What each archive carries, what is wrong with it, and what is asked of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Final

from prometheus_client.core import Metric

from appliance import expiry
from appliance.commands import Verdict
from appliance.controller import Controller
from appliance.metrics.families import ARCHIVE, Values, counter, gauge, one_of
from appliance.notices import conditions
from appliance.records import ArchiveState, serial_number

CAUSES: Final = (*(verdict.value for verdict in Verdict if verdict is not Verdict.OK), "hook", "fault", "interrupted")
"""Every word for what may end a run badly."""


def families(controller: Controller) -> Iterable[Metric]:
    """Of all archives."""
    yield from _published(controller)
    yield from _compared(controller)
    yield from _troubles(controller)
    yield from _requests(controller)


def _published(controller: Controller) -> Iterable[Metric]:
    store = controller.store
    words = "Serial that is published, as a number."
    yield _state(controller, "mirror_archive_serial", words, lambda state: serial_number(state.serial))
    words = "When the archive was last published."
    yield _state(controller, "mirror_archive_published_timestamp_seconds", words, lambda state: state.published)
    good = [((name,), when) for name in controller.lanes if (when := store.last_good(name))]
    yield gauge("mirror_archive_good_timestamp_seconds", "When the last good sync ended.", ARCHIVE, good)
    ends = {name: expiry.ends(store, controller.places, name).values() for name in controller.lanes}
    first = [((name,), min(until)) for name, until in ends.items() if until]
    yield gauge("mirror_archive_valid_until_timestamp_seconds", "When the first suite expires.", ARCHIVE, first)


def _compared(controller: Controller) -> Iterable[Metric]:
    words = "Upstream's paths that are not carried."
    yield _state(controller, "mirror_archive_refused_paths", words, lambda state: state.refused)
    words = "When all was last compared."
    yield _state(controller, "mirror_archive_audited_timestamp_seconds", words, lambda state: state.audited)
    drift: Values = [((name,), float(controller.store.archive(name).drift)) for name in controller.lanes]
    yield counter("mirror_archive_drift_paths", "Paths that audits found and no journal told.", ARCHIVE, drift)
    words = "1 when the last plan came from a journal."
    yield _state(controller, "mirror_archive_follows_journal", words, lambda state: state.planner == "journal")
    rank = [((name,), float(lane.upstreams.chosen)) for name, lane in controller.lanes.items()]
    yield gauge("mirror_archive_upstream_rank", "Upstream in use: 0 is the first one.", ARCHIVE, rank)


def _troubles(controller: Controller) -> Iterable[Metric]:
    words = "Failed runs since the last good one."
    yield _state(controller, "mirror_archive_consecutive_failures", words, lambda state: state.failures)
    names = list(controller.lanes)
    last = {name: controller.store.last_cause(name) for name in names}
    causes = [value for name in names for value in one_of(CAUSES, (name,), last[name])]
    yield gauge("mirror_archive_trouble", "1 for what ended the last run.", ("archive", "cause"), causes)
    yield gauge(
        "mirror_archive_condition", "1 for what somebody should look at, 0 for the others.", ("archive", "condition"),
        _conditions(controller),
    )  # fmt: skip


def _conditions(controller: Controller) -> Values:
    """As the notices have it."""
    found = conditions.find(controller.settings, controller.places, controller.store, time.time()).conditions
    there = {(one.subject, one.aspect) for one in found}
    aspects = [aspect for aspect in conditions.Aspect if aspect not in conditions.OF_DOWNSTREAMS]
    return [
        ((name, aspect.name.lower()), float((name, aspect) in there)) for name in controller.lanes for aspect in aspects
    ]


def _requests(controller: Controller) -> Iterable[Metric]:
    waiting = {name: controller.store.open_requests(name) for name in controller.lanes}
    tries = {name: [one.due for one in asked if one.source == "retry"] for name, asked in waiting.items()}
    again = [((name,), min(moments)) for name, moments in tries.items() if moments]
    yield gauge("mirror_archive_next_try_timestamp_seconds", "When it is tried again.", ARCHIVE, again)
    count = [((name,), float(len(asked))) for name, asked in waiting.items()]
    yield gauge("mirror_archive_open_requests", "Requests that are not answered yet.", ARCHIVE, count)
    resting = [((name,), float(controller.store.paused(name) is not None)) for name in controller.lanes]
    yield gauge("mirror_archive_paused", "1 while its requests wait for mirrorctl resume.", ARCHIVE, resting)
    ages = {name: [one.received for one in asked if one.source != "retry"] for name, asked in waiting.items()}
    oldest = [((name,), min(moments)) for name, moments in ages.items() if moments]
    words = "When the oldest request came that is not answered yet; our own retries aside."
    yield gauge("mirror_archive_oldest_request_timestamp_seconds", words, ARCHIVE, oldest)


def _state(controller: Controller, name: str, words: str, of: Callable[[ArchiveState], float | None]) -> Metric:
    """A gauge of what the store knows of each archive; of what it does not know there is none."""
    found = {archive: of(controller.store.archive(archive)) for archive in controller.lanes}
    return gauge(
        name, words, ARCHIVE, [((archive,), float(value)) for archive, value in found.items() if value is not None]
    )
