"""What runs came to, how long they took, and how far those are that go on now."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from prometheus_client.core import Metric

from appliance.controller import Controller
from appliance.metrics.families import ARCHIVE, counter, gauge, histogram, one_of
from appliance.run.figures import STAGES
from appliance.store.timings import RUN, STAGE

_PROGRESS: Final = {
    "planned_files": "Files that the plan of the run under way is about.",
    "files": "Those of them that are here.",
    "planned_bytes": "Bytes that the plan of the run under way is about.",
    "bytes": "Those of them that are here, wherever they came from.",
    "fetched_bytes": "Bytes that travelled in the run under way.",
    "differences": "Paths that the comparison of the run under way has found so far.",
}

_KIND: Final = ("archive", "kind", "result")
_STAGE: Final = ("archive", "stage")
_PLANNER: Final = ("archive", "planner")


def families(controller: Controller) -> Iterable[Metric]:
    """Of all runs, and of those under way."""
    yield from _ended(controller)
    yield from _plans(controller)
    yield from _progress(controller)


def _ended(controller: Controller) -> Iterable[Metric]:
    store = controller.store
    results = [(key, float(count)) for key, count in store.results().items()]
    yield counter("mirror_runs", "Ended runs.", _KIND, results)
    took = [((one.archive, one.subject, one.word), one) for one in store.timings(RUN)]
    yield histogram("mirror_run_duration_seconds", "From the begin of a run to its end.", _KIND, took)
    spent = [((one.archive, one.subject), one.seconds) for one in store.timings(STAGE)]
    yield counter("mirror_run_stage_seconds", "Time that runs have spent in each stage.", _STAGE, spent)
    fetched = [((name,), float(store.bytes_fetched(name))) for name in controller.lanes]
    yield counter("mirror_fetched_bytes", "Bytes received from the upstream.", ARCHIVE, fetched)


def _plans(controller: Controller) -> Iterable[Metric]:
    plans = controller.store.plans()
    for place, (figure, words) in enumerate(
        {
            "plans": "Runs that had a plan, by what made it: the upstream's journal, or a walk.",
            "planned_files": "Files that these plans were about.",
            "planned_bytes": "Bytes that these plans were about.",
        }.items()
    ):
        values = [(key, float(figures[place])) for key, figures in plans.items()]
        yield counter(f"mirror_{figure}", words, _PLANNER, values)


def _progress(controller: Controller) -> Iterable[Metric]:
    """Of the runs that are under way; without one there is nothing to say."""
    looks = {name: lane.meter.look() for name, lane in controller.lanes.items() if lane.meter}
    stages = [value for name, look in looks.items() for value in one_of(STAGES, (name,), look.stage)]
    yield gauge("mirror_run_stage", "1 for the stage a run is in, 0 for the others.", _STAGE, stages)
    for figure, words in _PROGRESS.items():
        values = [((name,), float(getattr(look, figure))) for name, look in looks.items()]
        yield gauge(f"mirror_run_{figure}", words, ARCHIVE, values)
