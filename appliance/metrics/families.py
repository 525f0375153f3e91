"""Families of metrics from values with their labels: gauges, counters, histograms, and states as ones and zeros."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import accumulate
from math import isinf
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

from appliance.store.timings import BOUNDS, Timing

Labels = tuple[str, ...]

Values = Iterable[tuple[Labels, float]]
"""Values with the labels they belong to."""

ARCHIVE: Final = ("archive",)

_BOUNDS: Final = ["+Inf" if isinf(bound) else str(float(bound)) for bound in BOUNDS]


def gauge(name: str, words: str, labels: Labels, values: Values) -> GaugeMetricFamily:
    """What goes up and down."""
    family = GaugeMetricFamily(name, words, labels=labels)
    for key, value in values:
        family.add_metric(key, value)
    return family


def counter(name: str, words: str, labels: Labels, values: Values) -> CounterMetricFamily:
    """What only grows; its name gets ``_total``."""
    family = CounterMetricFamily(name, words, labels=labels)
    for key, value in values:
        family.add_metric(key, value)
    return family


def histogram(name: str, words: str, labels: Labels, timings: Iterable[tuple[Labels, Timing]]) -> HistogramMetricFamily:
    """How long things took, in seconds."""
    family = HistogramMetricFamily(name, words, labels=labels)
    for key, timing in timings:
        buckets = list(zip(_BOUNDS, map(float, accumulate(timing.counts)), strict=True))
        family.add_metric(key, buckets, timing.seconds)
    return family


def one_of(states: Iterable[str], key: Labels, state: str | None) -> Iterator[tuple[Labels, float]]:
    """1 for the state that something is in, 0 for each of the others."""
    return (((*key, other), float(other == state)) for other in states)
