"""The upstreams: reachable, the module readable, the password right."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from appliance import commands
from appliance.commands import Outcome
from appliance.doctor import pinned
from appliance.doctor.finding import Finding, ok, warning
from appliance.doctor.patient import Patient, archive_variable
from appliance.doctor.refusals import trouble
from appliance.doctor.way import PATIENCE, Way
from appliance.run.reach import source_of
from appliance.run.upstreams import ways_of


async def examine(patient: Patient) -> list[Finding]:
    """All at once; those that are reached by ssh have their host keys looked at as well."""
    ways = [way for name in patient.sound for way in _ways(patient, name)]
    found = await asyncio.gather(*map(_look, ways))
    return [finding for findings in found for finding in findings]


def _ways(patient: Patient, name: str) -> list[Way]:
    archive = patient.settings.archives[name]
    if archive.upstream is None:
        return []
    found = []
    for number, way in enumerate(ways_of(archive)):
        assert way.upstream
        settings = patient.settings.with_archive(name, way)
        source = replace(source_of(settings, patient.scratch, name), timeout=PATIENCE, deadline=PATIENCE + 5)
        variable = f"{archive_variable(name)}__{'FALLBACKS' if number else 'UPSTREAM'}"
        found.append(Way(patient, name, way, way.upstream, variable, source))
    return found


async def _look(way: Way) -> list[Finding]:
    argv = ["rsync", *way.source.options(), "--dirs", "--list-only", way.source.where]
    by_ssh = way.upstream.scheme == "rsync+ssh"
    keys = [await _host_key(way)] if by_ssh else []
    if any(key.paste for key in keys):
        return keys  # nothing is said to who is not known yet
    outcome = await commands.run(argv, deadline=PATIENCE + 5, env=way.source.environment)
    if outcome.ok:
        return [*keys, _readable(way, outcome)]
    return [*keys, await trouble(way, outcome)]


async def _host_key(way: Way) -> Finding:
    return await pinned.host_key(way.patient, way.upstream.host, way.upstream.port, str(way.upstream))


def _readable(way: Way, outcome: Outcome) -> Finding:
    names = {line.split(maxsplit=4)[-1] for line in outcome.stdout.splitlines() if len(line.split()) > 4}
    layout = {"debian": {"dists", "pool", "project"}, "rpm": set(), "generic": set()}[way.archive.profile]
    if layout and not layout & names:
        fact = f"{way.upstream} can be read, and has none of {', '.join(sorted(layout))} in it"
        cure = f"check the path in {way.variable}; for a tree of another kind set {archive_variable(way.name)}__PROFILE"
        return warning(way.variable, fact, cure)
    return ok(way.variable, f"{way.upstream} can be read")
