"""The picture as Prometheus metrics: base units, timestamps in seconds, label sets that strangers cannot fill.

Everything is read from the store when Prometheus asks, so that counters survive a restart and nothing is counted twice;
only what was served to users is counted from the container's start.
"""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import Metric

from appliance import __version__, certificate
from appliance.controller import Controller
from appliance.metrics import archives, members, mirrors, runs, served, volumes
from appliance.metrics.families import gauge


async def look(controller: Controller) -> float | None:
    """Take note of what only changes outside of us; returns when our certificate ends."""
    await controller.hits.look()
    return await certificate.end_of(controller.settings.tls_cert)


def text(controller: Controller, certificate_end: float | None = None) -> bytes:
    """The exposition text, in a registry of its own."""
    registry = CollectorRegistry()
    registry.register(_Picture(controller, certificate_end))
    return generate_latest(registry)


class _Picture:
    def __init__(self, controller: Controller, certificate_end: float | None) -> None:
        self._controller, self._certificate_end = controller, certificate_end

    def collect(self) -> Iterable[Metric]:
        """Called by the registry."""
        yield gauge("mirror_build_info", "Version of the appliance.", ("version",), [((__version__,), 1)])
        ends = [] if self._certificate_end is None else [((), self._certificate_end)]
        yield gauge("mirror_certificate_expiry_timestamp_seconds", "When our TLS certificate ends.", (), ends)
        for room in (archives, runs, mirrors, members, volumes, served):
            yield from room.families(self._controller)
