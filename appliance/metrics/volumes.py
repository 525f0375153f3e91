"""The room there is."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from prometheus_client.core import Metric

from appliance import status
from appliance.controller import Controller
from appliance.metrics.families import gauge
from appliance.space import UNLIMITED

_VOLUME: Final = ("volume",)


def families(controller: Controller) -> Iterable[Metric]:
    """Of the volumes that are there."""
    seen = status.volumes(controller)
    free = [((name,), float(now.free.bytes)) for name, (now, _) in seen.items()]
    yield gauge("mirror_volume_free_bytes", "Bytes that we may still write.", _VOLUME, free)
    inodes = [((name,), float(now.free.inodes)) for name, (now, _) in seen.items() if now.all.inodes != UNLIMITED]
    yield gauge("mirror_volume_free_inodes", "Files and directories that we may still make.", _VOLUME, inodes)
    kept = [((name,), float(reserve.bytes)) for name, (_, reserve) in seen.items()]
    yield gauge("mirror_volume_reserve_bytes", "Bytes that are kept free.", _VOLUME, kept)
    closed = [((name,), float(now.read_only)) for name, (now, _) in seen.items()]
    yield gauge("mirror_volume_read_only", "1 when nothing can be written.", _VOLUME, closed)
