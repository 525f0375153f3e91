"""Our clock, against those who tell the time beside what they serve. What nobody tells is not claimed."""

from __future__ import annotations

import asyncio
import re
import time
from datetime import UTC, datetime
from statistics import median
from typing import Final
from urllib.parse import urlsplit

from appliance import commands
from appliance.doctor.finding import Finding, note, ok, warning
from appliance.doctor.patient import Patient
from appliance.doctor.reaching import offset
from appliance.run.reach import source_of
from appliance.sync.profile import TRACE_DIRECTORY

MUCH: Final = 60.0
"""Seconds by which two clocks may differ: HTTP's and rsync's times are of whole seconds, and traces travel."""

_PORTS: Final = (80, 8080)
_LISTED: Final = re.compile(r"^-\S+ +[\d,.]+ (\d{4}/\d\d/\d\d \d\d:\d\d:\d\d) ", re.M)
_CURE: Final = "set this machine's clock by NTP; then, if they still differ, tell the other's operator"


async def examine(patient: Patient) -> list[Finding]:
    """The dates of web servers around us, and those of the upstreams' traces, which cannot be of the future."""
    hosts = _hosts(patient)
    told = await asyncio.gather(*(offset(host, port) for host, port in hosts))
    found = {host: seconds for (host, _), seconds in zip(hosts, told, strict=True) if seconds is not None}
    return [_judged(found), *await _traces(patient)]


def _judged(found: dict[str, float]) -> Finding:
    if not found:
        return note(
            "clock", "nobody was found who tells the time: whether ours is right is not known", "compare: date -u"
        )
    middle = median(found.values())
    names = ", ".join(sorted(found))
    if abs(middle) <= MUCH:
        return ok("clock", f"as that of {names}, within {MUCH:.0f} s")
    fact = f"it is {abs(middle):.0f} s {'behind' if middle > 0 else 'ahead of'} that of {names}"
    return warning("clock", fact if len(found) > 1 else f"{fact}: one of the two is wrong", _CURE)


def _hosts(patient: Patient) -> list[tuple[str, int]]:
    """Neighbours that may have a web server: upstreams, and where downstreams are said to serve."""
    settings = patient.settings
    upstreams = {one.upstream.host for one in settings.archives.values() if one.upstream}
    found = [(host, port) for host in sorted(upstreams) for port in _PORTS]
    for url in (urlsplit(one.site) for one in settings.downstreams if one.site.startswith("http:")):
        found.append((url.hostname or "", url.port or 80))
    return found


async def _traces(patient: Patient) -> list[Finding]:
    mirrors = [name for name, archive in patient.sound.items() if archive.upstream]
    newest = await asyncio.gather(*(_newest(patient, name) for name in mirrors))
    found = []
    for name, when in zip(mirrors, newest, strict=True):
        if when is not None and (ahead := when - time.time()) > MUCH:
            url = patient.settings.archives[name].upstream
            fact = f"a trace of {url} is dated {ahead:.0f} s from now: our clock is behind, or that of its writer ahead"
            found.append(warning("clock", fact, _CURE))
    return found


async def _newest(patient: Patient, name: str) -> float | None:
    """The time of the newest trace file at an upstream."""
    source = source_of(patient.settings, patient.scratch, name)
    argv = ["rsync", *source.options(), "--list-only", f"{source.where}{TRACE_DIRECTORY}/"]
    outcome = await commands.run(argv, deadline=15, env=source.environment)
    times = [
        datetime.strptime(text, "%Y/%m/%d %H:%M:%S").replace(tzinfo=UTC) for text in _LISTED.findall(outcome.stdout)
    ]
    return max((one.timestamp() for one in times), default=None)
