"""The picture as Prometheus metrics: base units, timestamps in seconds, closed label sets.

Everything is read from the store when Prometheus asks, so that counters survive a restart and nothing is counted twice.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from appliance import __version__, expiry, status
from appliance.controller import Controller
from appliance.figures import STAGES
from appliance.space import UNLIMITED

Values = Iterable[tuple[tuple[str, ...], float]]
"""Values with the labels they belong to."""

_ARCHIVE: Final = ("archive",)
_VOLUME: Final = ("volume",)

_STAGE: Final = ("archive", "stage")

_PROGRESS: Final = {
    "planned_files": "Files that the plan of the run under way is about.",
    "files": "Those of them that are here.",
    "planned_bytes": "Bytes that the plan of the run under way is about.",
    "bytes": "Those of them that are here, wherever they came from.",
    "fetched_bytes": "Bytes that travelled in the run under way.",
    "differences": "Paths that the comparison of the run under way has found so far.",
}

STATES: Final = ("pending", "pushing", "delivered", "failing", "lost")


def text(controller: Controller) -> bytes:
    """The exposition text, in a registry of its own."""
    registry = CollectorRegistry()
    registry.register(_Picture(controller))
    return generate_latest(registry)


class _Picture:
    def __init__(self, controller: Controller) -> None:
        self._controller = controller

    def collect(self) -> Iterable[Metric]:
        """Called by the registry."""
        yield _gauge("mirror_build_info", "Version of the appliance.", ("version",), [((__version__,), 1)])
        yield from self._archives()
        yield from self._volumes()
        yield from self._runs()
        yield from self._progress()
        yield from self._deliveries()

    def _archives(self) -> Iterable[Metric]:
        store, names = self._controller.store, list(self._controller.lanes)
        states = {name: store.archive(name) for name in names}
        published = [((name,), state.published) for name, state in states.items() if state.published]
        yield _gauge(
            "mirror_archive_published_timestamp_seconds", "When the archive was last published.", _ARCHIVE, published
        )
        ends = {name: expiry.ends(store, self._controller.places, name).values() for name in names}
        first = [((name,), min(until)) for name, until in ends.items() if until]
        yield _gauge("mirror_archive_valid_until_timestamp_seconds", "When the first suite expires.", _ARCHIVE, first)
        failures = [((name,), float(state.failures)) for name, state in states.items()]
        yield _gauge("mirror_archive_consecutive_failures", "Failed runs since the last good one.", _ARCHIVE, failures)
        causes = [((name, store.last_cause(name)), 1.0) for name in names if store.last_cause(name)]
        yield _gauge("mirror_archive_trouble", "1 for what ended the last run.", ("archive", "cause"), causes)
        open_ones = {name: store.open_requests(name) for name in names}
        again = {name: [one.due for one in waiting if one.source == "retry"] for name, waiting in open_ones.items()}
        tries = [((name,), min(moments)) for name, moments in again.items() if moments]
        yield _gauge("mirror_archive_next_try_timestamp_seconds", "When it is tried again.", _ARCHIVE, tries)
        waiting = [((name,), float(len(requests))) for name, requests in open_ones.items()]
        yield _gauge("mirror_archive_open_requests", "Requests that are not answered yet.", _ARCHIVE, waiting)
        refused = [((name,), float(state.refused)) for name, state in states.items()]
        yield _gauge("mirror_archive_refused_paths", "Upstream's paths that are not carried.", _ARCHIVE, refused)
        audited = [((name,), state.audited) for name, state in states.items() if state.audited]
        yield _gauge("mirror_archive_audited_timestamp_seconds", "When all was last compared.", _ARCHIVE, audited)
        drift = [((name,), float(state.drift)) for name, state in states.items()]
        yield _counter("mirror_archive_drift_paths", "Paths that audits found and no journal told.", _ARCHIVE, drift)
        follows = [((name,), float(state.planner == "journal")) for name, state in states.items()]
        yield _gauge("mirror_archive_follows_journal", "1 when the last plan came from a journal.", _ARCHIVE, follows)
        rank = [((name,), float(lane.upstreams.chosen)) for name, lane in self._controller.lanes.items()]
        yield _gauge("mirror_archive_upstream_rank", "Upstream in use: 0 is the first one.", _ARCHIVE, rank)
        fetched = [((name,), float(store.bytes_fetched(name))) for name in names]
        yield _counter("mirror_fetched_bytes", "Bytes received from the upstream.", _ARCHIVE, fetched)

    def _volumes(self) -> Iterable[Metric]:
        seen = status.volumes(self._controller)
        free = [((name,), float(now.free.bytes)) for name, (now, _) in seen.items()]
        yield _gauge("mirror_volume_free_bytes", "Bytes that we may still write.", _VOLUME, free)
        inodes = [((name,), float(now.free.inodes)) for name, (now, _) in seen.items() if now.all.inodes != UNLIMITED]
        yield _gauge("mirror_volume_free_inodes", "Files and directories that we may still make.", _VOLUME, inodes)
        kept = [((name,), float(reserve.bytes)) for name, (_, reserve) in seen.items()]
        yield _gauge("mirror_volume_reserve_bytes", "Bytes that are kept free.", _VOLUME, kept)

    def _runs(self) -> Iterable[Metric]:
        results = [(key, float(count)) for key, count in self._controller.store.results().items()]
        yield _counter("mirror_runs", "Ended runs.", ("archive", "kind", "result"), results)

    def _progress(self) -> Iterable[Metric]:
        """Of the runs that are under way; without one there is nothing to say."""
        looks = {name: lane.meter.look() for name, lane in self._controller.lanes.items() if lane.meter}
        stages = [((name, stage), float(look.stage == stage)) for name, look in looks.items() for stage in STAGES]
        yield _gauge("mirror_run_stage", "1 for the stage a run is in, 0 for the others.", _STAGE, stages)
        for figure, words in _PROGRESS.items():
            values = [((name,), float(getattr(look, figure))) for name, look in looks.items()]
            yield _gauge(f"mirror_run_{figure}", words, _ARCHIVE, values)

    def _deliveries(self) -> Iterable[Metric]:
        deliveries = self._controller.store.deliveries()
        values = [
            ((told.downstream, told.archive, state), float(told.state == state))
            for told in deliveries
            for state in STATES
        ]
        labels = ("downstream", "archive", "state")
        yield _gauge("mirror_delivery_state", "1 for the state a delivery is in, 0 for the others.", labels, values)
        seen = [((told.downstream, told.archive), float(told.is_confirmed)) for told in deliveries if told.carries]
        about = "1 when it was seen to publish what it was told of."
        yield _gauge("mirror_delivery_confirmed", about, labels[:2], seen)


def _gauge(name: str, words: str, labels: tuple[str, ...], values: Values) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, words, labels=labels)
    for key, value in values:
        family.add_metric(key, value)
    return family


def _counter(name: str, words: str, labels: tuple[str, ...], values: Values) -> CounterMetricFamily:
    family = CounterMetricFamily(name, words, labels=labels)
    for key, value in values:
        family.add_metric(key, value)
    return family
