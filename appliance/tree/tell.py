"""Tell one downstream once, in its own language: a trigger by ssh, or a URL."""

from __future__ import annotations

from typing import Final

from appliance import commands, hostkey, ssh, words
from appliance.commands import Outcome
from appliance.places import Places
from appliance.settings import Downstream, Settings
from appliance.tree import web

UNREACHABLE: Final = 255
"""ssh's own exit code for everything that is not the remote command's."""

_BUSY: Final = 1


async def tell(settings: Settings, places: Places, one: Downstream, archive: str, stage: str) -> str:
    """Trigger ``stage`` (stage1, stage2 or all) and wait for the answer; returns the trouble, empty when it knows."""
    if one.url:
        return await web.call(one.url, one.method, min(web.DEADLINE, settings.push_deadline))
    wire_name = archive if one.remote_archive is None else one.remote_archive
    command = words.write(wire_name, stage, mhop=one.push == "mhop" and stage != "all")
    return await _send(settings, places, one, command)


async def call_back(settings: Settings, places: Places, one: Downstream) -> str:
    """Tell the host ``one`` that our run has ended (PROTOCOL section 1.6); returns the trouble."""
    return await _send(settings, places, one, f"callback:{settings.name}")


async def _send(settings: Settings, places: Places, one: Downstream, command: str) -> str:
    argv = ssh_argv(settings, places, one, command)
    outcome = await commands.run(argv, deadline=settings.push_deadline, env={"HOME": str(places.run)})
    return "" if outcome.ok else reason(outcome)


def ssh_argv(settings: Settings, places: Places, one: Downstream, command: str) -> list[str]:
    """The ssh command line of one trigger; the remote command is one argument."""
    key = places.private_copy(one.key) if one.key else None
    client = ssh.client(settings, places, user=one.user, port=one.port, key=key, more=one.options)
    return [*client, "-n", "-T", one.host, command]


def reason(outcome: Outcome) -> str:
    """Why a downstream was not told, in one line with the cure where there is one."""
    said = outcome.last_words
    if fact := hostkey.trouble(outcome.stderr):
        first = "ask its operator whether it was him, then " if fact == hostkey.CHANGED else ""
        return f"{fact}; {first}put the line that `mirrorctl keys` prints there in MIRROR_KNOWN_HOSTS"
    if "Permission denied" in outcome.stderr:
        return "it refuses our key; hand it the line that `mirrorctl keys` prints here"
    if "banner exchange" in outcome.stderr:
        return "it takes the connection and never says a word; see whether its sshd is well"
    if outcome.code == UNREACHABLE:
        return f"not reachable: {said}"
    if outcome.code == commands.TIMED_OUT:
        return f"no end after {outcome.seconds:.0f} s"
    if outcome.code == words.UNKNOWN_ARCHIVE:
        return f"it does not carry the archive: {said}"
    if outcome.code == _BUSY:
        return f"it is busy: {said}"
    return f"its sync failed with exit {outcome.code}: {said}"
