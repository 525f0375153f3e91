"""What users and downstreams were sent, and where to, since the container's start."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Final

from prometheus_client.core import Metric

from appliance.controller import Controller
from appliance.metrics.families import counter
from appliance.served import overheard
from appliance.served.redirected import FALLBACKS, REFUSALS
from appliance.sync.journal.journal import module_of

_HTTP: Final = ("archive", "code")
_REDIRECT: Final = ("archive", "mirror")
_FALLBACK: Final = ("archive", "reason")
_RSYNC: Final = ("archive", "content")


def families(controller: Controller) -> Iterable[Metric]:
    """Of all archives, by HTTP and by rsync."""
    answers = {key: one for key, one in controller.hits.answers.items() if key[0] in controller.lanes}
    count = [(key, float(one.count)) for key, one in answers.items()]
    yield counter("mirror_http_requests", "Requests for an archive that were answered.", _HTTP, count)
    sent = [(key, float(one.bytes)) for key, one in answers.items()]
    yield counter("mirror_http_sent_bytes", "Bytes of these answers, counted when they end.", _HTTP, sent)
    yield from _redirected(controller)
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


def _redirected(controller: Controller) -> Iterable[Metric]:
    """Those who asked by the redirect. The mirrors are those of the registry, so that there are never more."""
    counted, registered = controller.redirected, {one.name for one in controller.settings.registry}
    sent = [(key, float(count)) for key, count in counted.sent.items() if key[1] in registered]
    yield counter("mirror_redirects", "Requests that were sent to a mirror.", _REDIRECT, sent)
    kept = Counter({(archive, "busy"): count for archive, count in controller.hits.instead.items()}) + counted.kept
    here = [((name, reason), float(kept[name, reason])) for name in controller.lanes for reason in FALLBACKS]
    words = "Requests that were to be sent to a mirror, and are answered from here."
    yield counter("mirror_redirect_fallbacks", words, _FALLBACK, here)
    refused = [((reason,), float(counted.refused[reason])) for reason in REFUSALS]
    yield counter("mirror_redirect_refusals", "Requests for a mirror that make no sense.", ("reason",), refused)
