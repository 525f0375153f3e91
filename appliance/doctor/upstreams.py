"""The upstreams: reachable, the module readable, the password right. Why not is told apart, each with its setting."""

from __future__ import annotations

import asyncio
import difflib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Final

from appliance import commands, introduction
from appliance.commands import Outcome
from appliance.doctor import pinned, reaching
from appliance.doctor.finding import Finding, error, ok, warning
from appliance.doctor.patient import Patient, archive_variable
from appliance.run.reach import source_of
from appliance.run.upstreams import ways_of
from appliance.settings import Archive
from appliance.settings.environment import INVITE
from appliance.settings.upstream import Upstream
from appliance.sync.source import Source

PATIENCE: Final = 15
"""Seconds for one exchange with an upstream."""

_PORTS: Final = (873, 8730)
"""Where a daemon usually listens, and where one of ours does inside its container."""


@dataclass(frozen=True, slots=True)
class _Way:
    """One upstream of one archive, as it is asked; ``variable`` is the setting that names it."""

    patient: Patient
    name: str
    archive: Archive
    upstream: Upstream
    variable: str
    source: Source

    @property
    def password(self) -> str:
        """The setting that holds its password."""
        if self.patient.written(self.variable) == INVITE:
            return INVITE
        if self.variable.endswith("__UPSTREAM"):
            return self.patient.written(f"{archive_variable(self.name)}__PASSWORD")
        return self.patient.written(f"{archive_variable(self.name)}__FALLBACK_PASSWORDS")


async def examine(patient: Patient) -> list[Finding]:
    """All at once; those that are reached by ssh have their host keys looked at as well."""
    ways = [way for name in patient.sound for way in _ways(patient, name)]
    found = await asyncio.gather(*map(_look, ways))
    return [finding for findings in found for finding in findings]


def _ways(patient: Patient, name: str) -> list[_Way]:
    archive = patient.settings.archives[name]
    if archive.upstream is None:
        return []
    found = []
    for number, way in enumerate(ways_of(archive)):
        assert way.upstream
        settings = patient.settings.with_archive(name, way)
        source = replace(source_of(settings, patient.scratch, name), timeout=PATIENCE, deadline=PATIENCE + 5)
        variable = f"{archive_variable(name)}__{'FALLBACKS' if number else 'UPSTREAM'}"
        found.append(_Way(patient, name, way, way.upstream, variable, source))
    return found


async def _look(way: _Way) -> list[Finding]:
    argv = ["rsync", *way.source.options(), "--dirs", "--list-only", way.source.where]
    by_ssh = way.upstream.scheme == "rsync+ssh"
    keys = [await _host_key(way)] if by_ssh else []
    if any(key.paste for key in keys):
        return keys  # nothing is said to who is not known yet
    outcome = await commands.run(argv, deadline=PATIENCE + 5, env=way.source.environment)
    if outcome.ok:
        return [*keys, _readable(way, outcome)]
    return [*keys, await _trouble(way, outcome)]


async def _host_key(way: _Way) -> Finding:
    return await pinned.host_key(way.patient, way.upstream.host, way.upstream.port, str(way.upstream))


def _readable(way: _Way, outcome: Outcome) -> Finding:
    names = {line.split(maxsplit=4)[-1] for line in outcome.stdout.splitlines() if len(line.split()) > 4}
    layout = {"debian": {"dists", "pool", "project"}, "rpm": set(), "generic": set()}[way.archive.profile]
    if layout and not layout & names:
        fact = f"{way.upstream} can be read, and has none of {', '.join(sorted(layout))} in it"
        cure = f"check the path in {way.variable}; for a tree of another kind set {archive_variable(way.name)}__PROFILE"
        return warning(way.variable, fact, cure)
    return ok(way.variable, f"{way.upstream} can be read")


async def _trouble(way: _Way, outcome: Outcome) -> Finding:
    """By what the other side said; what nobody has words for is told as a sync would tell it."""
    told = next((tell for words, tell in _TOLD if any(word in outcome.stderr for word in words)), None)
    if told:
        return await told(way)
    failure = way.source.failure("cannot list", outcome)
    return error(way.variable, failure.fact, failure.cure)


async def _refused(way: _Way) -> Finding:
    """The daemon does not say which of the two is wrong, user or password, and not whether it has a user at all."""
    user = way.upstream.user
    if way.password == INVITE:
        return error(INVITE, f"{way.upstream} does not let us in", "mirrorctl join says why, and what to do")
    if not way.archive.password:
        fact = f"is not set, and {way.upstream} asks for a password"
        return error(way.password, fact, f"set it{'' if user else f', and name the user in {way.variable}'}")
    fact = f"{way.upstream} takes no such user and password"
    cure = f"check the password, and the user {user!r} in {way.variable}; or have its operator add the user"
    paste = f"{user}:<the text of {way.password}>"
    return error(way.password, fact, cure, paste, "the upstream: MIRROR_RSYNC_SECRETS, or its rsyncd's secrets file")


async def _no_module(way: _Way) -> Finding:
    """A daemon lists its modules to everybody, those that it does not hide."""
    module = way.upstream.path.partition("/")[0]
    known = await _modules(way)
    near = difflib.get_close_matches(module, known, n=1, cutoff=0.6)
    hint = f"did you mean {near[0]}? " if near else ""
    shown = f"it shows {', '.join(known[:8])}" if known else "it shows none: ask its operator"
    fact = f"{way.upstream.host} has no module {module!r}"
    return error(way.variable, fact, f"{hint}{shown}; the module is the part behind the host")


async def _modules(way: _Way) -> list[str]:
    host = way.source.transport.url.rpartition(way.upstream.path)[0]
    # Without `--no-motd`, which leaves out the list as well (rsync(1)).
    argv = ["rsync", *way.source.transport.options, host]
    outcome = await commands.run(argv, deadline=PATIENCE, env=way.source.environment)
    lines = (line.partition("\t") for line in outcome.stdout.splitlines())
    return [name.strip() for name, tab, _ in lines if tab and name.strip()]


async def _denied(way: _Way) -> Finding:
    fact = f"{way.upstream} does not admit our address"
    addresses = ", ".join(await reaching.resolved(way.patient.settings.name)) or "your public address"
    cure = "have its operator admit it; BIND_ADDRESS chooses another of ours"
    return error(way.variable, fact, cure, addresses, "the upstream: HOSTS_ALLOW, or its rsyncd's hosts allow")


async def _closed(way: _Way) -> Finding:
    """Somebody is there and has no daemon at that port."""
    here = f"{way.upstream.host}:{way.upstream.port}"
    return await _wrong_port(way, f"{here}: nobody listens there (connection refused)")


async def _other_program(way: _Way) -> Finding:
    return await _wrong_port(way, f"{way.upstream.host}:{way.upstream.port}: who listens there is no rsync daemon")


async def _wrong_port(way: _Way, fact: str) -> Finding:
    ports = tuple(port for port in _PORTS if port != way.upstream.port)
    found = await reaching.listening(way.upstream.host, ports, reaching.RSYNC)
    if found and way.upstream.scheme == "rsync":
        return error(way.variable, fact, f"an rsync daemon answers at port {found}: write {way.upstream.host}:{found}")
    return error(way.variable, fact, "check the port, the part behind host and colon; ask its operator for it")


async def _unnamed(way: _Way) -> Finding:
    cure = "check the spelling of the host; if it is right, this container's DNS cannot be asked"
    return error(way.variable, f"{way.upstream.host}: no such host is known here", cure)


async def _unreachable(way: _Way) -> Finding:
    fact = f"{way.upstream.host}:{way.upstream.port}: no way leads there, or a firewall swallows what we send"
    return error(way.variable, fact, "check the host; then ask its operator whether our address may come in")


async def _unknown_key(way: _Way) -> Finding:
    """ssh lets nobody in whose key it has no line for."""
    try:
        paste = introduction.lines(way.patient.settings, way.patient.places)["pull_variable"]
    except OSError:
        paste = ""  # the first start makes the key
    cure = "have its operator let our key in" + ("" if paste else ": mirrorctl keys shows it, once the mirror has run")
    return error(way.variable, f"{way.upstream} does not let our key in", cure, paste, "the upstream's settings")


_TOLD: Final[tuple[tuple[tuple[str, ...], Callable[[_Way], Awaitable[Finding]]], ...]] = (
    (("auth failed",), _refused),
    (("nknown module",), _no_module),
    (("access denied",), _denied),
    (("Permission denied (publickey",), _unknown_key),
    (("Name or service not known", "Temporary failure in name", "No address associated", "not resolve"), _unnamed),
    (("Connection refused",), _closed),
    (("protocol version mismatch", "did not see server greeting", "rather than greeting"), _other_program),
    (("No route to host", "Network is unreachable", "timed out", "timeout waiting for daemon"), _unreachable),
)
