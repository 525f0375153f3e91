"""The picture as Prometheus metrics: base units, timestamps in seconds, closed label sets.

Everything is read from the store when Prometheus asks, so that counters survive a restart and nothing is counted twice;
only what was served to users is counted from the container's start.
"""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import Metric

from appliance import __version__
from appliance.controller import Controller
from appliance.metrics import archives, mirrors, runs, served, volumes
from appliance.metrics.families import gauge


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
        yield gauge("mirror_build_info", "Version of the appliance.", ("version",), [((__version__,), 1)])
        for room in (archives, runs, mirrors, volumes, served):
            yield from room.families(self._controller)
