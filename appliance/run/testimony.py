"""What a run tells the world in its trace file, from the settings and from what it counted."""

from __future__ import annotations

import socket
import time

from appliance.places import Places
from appliance.records import Run
from appliance.run.figures import Figures
from appliance.run.reach import transport_of
from appliance.settings import Archive, Settings
from appliance.sync import trace


def testify(settings: Settings, places: Places, name: str, run: Run, figures: Figures) -> trace.Trace:
    """The trace of a run of the archive ``name`` that ends now."""
    archive, tree = settings.archives[name], places.archive(name)
    upstream = archive.upstream
    return trace.Trace(
        name=settings.name,
        host=socket.gethostname(),
        started=run.started,
        ended=time.time(),
        upstream=upstream.host if upstream else settings.name,
        trigger=run.trigger,
        transport=transport_of(settings, places, archive).word if upstream else "undefined",
        architectures=trace.architectures(tree),
        configuration=_configuration(archive),
        received=figures.bytes,
        stage1_seconds=round(figures.payload_seconds),
        stage2_seconds=round(figures.index_seconds),
        info=_info(settings),
    )


def _configuration(archive: Archive) -> str:
    """Which architectures were chosen, in stock's words (PROTOCOL section 4.1)."""
    if archive.arch_include:
        return "".join(f"{word} " for word in ("INCLUDE", *archive.arch_include))
    return "".join(f"{word} " for word in ("EXCLUDE", *archive.arch_exclude)) if archive.arch_exclude else "ALL"


def _info(settings: Settings) -> tuple[tuple[str, str], ...]:
    """The trace fields the operator gives, in the order stock writes them."""
    info = settings.info
    fields = {
        "Maintainer": info.maintainer,
        "Sponsor": info.sponsor,
        "Country": info.country,
        "Location": info.location,
        "Throughput": info.throughput,
    }
    return tuple((key, value) for key, value in fields.items() if value)
