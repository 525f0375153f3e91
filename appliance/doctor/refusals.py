"""Why an upstream cannot be read, told apart by what the other side said, each with its setting and its cure."""

from __future__ import annotations

import difflib
from collections.abc import Awaitable, Callable
from typing import Final

from appliance import commands, introduction
from appliance.commands import Outcome
from appliance.doctor import reaching
from appliance.doctor.finding import Finding, error
from appliance.doctor.way import PATIENCE, Way
from appliance.settings.environment import INVITE

_PORTS: Final = (873, 8730)
"""Where a daemon usually listens, and where one of ours does inside its container."""


async def trouble(way: Way, outcome: Outcome) -> Finding:
    """By what the other side said; what nobody has words for is told as a sync would tell it."""
    told = next((tell for words, tell in _TOLD if any(word in outcome.stderr for word in words)), None)
    if told:
        return await told(way)
    failure = way.source.failure("cannot list", outcome)
    return error(way.variable, failure.fact, failure.cure)


async def _refused(way: Way) -> Finding:
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


async def _no_module(way: Way) -> Finding:
    """A daemon lists its modules to everybody, those that it does not hide."""
    module = way.upstream.path.partition("/")[0]
    known = await _modules(way)
    near = difflib.get_close_matches(module, known, n=1, cutoff=0.6)
    hint = f"did you mean {near[0]}? " if near else ""
    shown = f"it shows {', '.join(known[:8])}" if known else "it shows none: ask its operator"
    fact = f"{way.upstream.host} has no module {module!r}"
    return error(way.variable, fact, f"{hint}{shown}; the module is the part behind the host")


async def _modules(way: Way) -> list[str]:
    host = way.source.transport.url.rpartition(way.upstream.path)[0]
    # Without `--no-motd`, which leaves out the list as well (rsync(1)).
    argv = ["rsync", *way.source.transport.options, host]
    outcome = await commands.run(argv, deadline=PATIENCE, env=way.source.environment)
    lines = (line.partition("\t") for line in outcome.stdout.splitlines())
    return [name.strip() for name, tab, _ in lines if tab and name.strip()]


async def _denied(way: Way) -> Finding:
    fact = f"{way.upstream} does not admit our address"
    addresses = ", ".join(await reaching.resolved(way.patient.settings.name)) or "your public address"
    cure = "have its operator admit it; BIND_ADDRESS chooses another of ours"
    return error(way.variable, fact, cure, addresses, "the upstream: HOSTS_ALLOW, or its rsyncd's hosts allow")


async def _closed(way: Way) -> Finding:
    """Somebody is there and has no daemon at that port."""
    here = f"{way.upstream.host}:{way.upstream.port}"
    return await _wrong_port(way, f"{here}: nobody listens there (connection refused)")


async def _other_program(way: Way) -> Finding:
    return await _wrong_port(way, f"{way.upstream.host}:{way.upstream.port}: who listens there is no rsync daemon")


async def _wrong_port(way: Way, fact: str) -> Finding:
    ports = tuple(port for port in _PORTS if port != way.upstream.port)
    found = await reaching.listening(way.upstream.host, ports, reaching.RSYNC)
    if found and way.upstream.scheme == "rsync":
        return error(way.variable, fact, f"an rsync daemon answers at port {found}: write {way.upstream.host}:{found}")
    return error(way.variable, fact, "check the port, the part behind host and colon; ask its operator for it")


async def _unnamed(way: Way) -> Finding:
    cure = "check the spelling of the host; if it is right, this container's DNS cannot be asked"
    return error(way.variable, f"{way.upstream.host}: no such host is known here", cure)


async def _unreachable(way: Way) -> Finding:
    fact = f"{way.upstream.host}:{way.upstream.port}: no way leads there, or a firewall swallows what we send"
    return error(way.variable, fact, "check the host; then ask its operator whether our address may come in")


async def _unknown_key(way: Way) -> Finding:
    """ssh lets nobody in whose key it has no line for."""
    try:
        paste = introduction.lines(way.patient.settings, way.patient.places)["pull_variable"]
    except OSError:
        paste = ""  # the first start makes the key
    cure = "have its operator let our key in" + ("" if paste else ": mirrorctl keys shows it, once the mirror has run")
    return error(way.variable, f"{way.upstream} does not let our key in", cure, paste, "the upstream's settings")


_TOLD: Final[tuple[tuple[tuple[str, ...], Callable[[Way], Awaitable[Finding]]], ...]] = (
    (("auth failed",), _refused),
    (("nknown module",), _no_module),
    (("access denied",), _denied),
    (("Permission denied (publickey",), _unknown_key),
    (("Name or service not known", "Temporary failure in name", "No address associated", "not resolve"), _unnamed),
    (("Connection refused",), _closed),
    (("protocol version mismatch", "did not see server greeting", "rather than greeting"), _other_program),
    (("No route to host", "Network is unreachable", "timed out", "timeout waiting for daemon"), _unreachable),
)
