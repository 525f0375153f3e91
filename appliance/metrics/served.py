"""What users and downstreams were sent, since the container's start."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from prometheus_client.core import Metric

from appliance.controller import Controller
from appliance.metrics.families import counter
from appliance.served import overheard
from appliance.sync.journal.journal import module_of

_HTTP: Final = ("archive", "code")
_RSYNC: Final = ("archive", "content")


def families(controller: Controller) -> Iterable[Metric]:
    """Of all archives, by HTTP and by rsync."""
    answers = {key: one for key, one in controller.hits.answers.items() if key[0] in controller.lanes}
    count = [(key, float(one.count)) for key, one in answers.items()]
    yield counter("mirror_http_requests", "Requests for an archive that were answered.", _HTTP, count)
    sent = [(key, float(one.bytes)) for key, one in answers.items()]
    yield counter("mirror_http_sent_bytes", "Bytes of these answers, counted when they end.", _HTTP, sent)
    modules = {
        module: (name, content)
        for name in controller.lanes
        for module, content in ((name, "archive"), (module_of(name), "journal"))
    }
    served = {
        modules[module]: one
        for module, one in overheard.totals(controller.places.overheard).items()
        if module in modules
    }
    ended = [(key, float(one.connections)) for key, one in served.items()]
    yield counter("mirror_rsync_connections", "Connections of rsync clients that have ended.", _RSYNC, ended)
    sent = [(key, float(one.bytes)) for key, one in served.items()]
    yield counter("mirror_rsync_sent_bytes", "Bytes sent to rsync clients, counted when they end.", _RSYNC, sent)
