"""Tell one downstream once, in its own language: a trigger by ssh, or a URL."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from appliance import commands, complaints, words
from appliance.commands import Outcome
from appliance.settings import Downstream, Settings
from appliance.settings.addresses import site_of
from appliance.settings.faults import Fault
from appliance.settings.hosts import leads_inward
from appliance.tree import web
from appliance.tree.connections import Connections
from appliance.tree.kept import UNREACHABLE

_BUSY: Final = 1

_CARRIES: Final = re.compile(rf"^{words.CARRIES} ([0-9]{{1,18}})(?: (\S+))?$", re.M)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of telling: the trouble, empty when it knows; whether it answered; the serial it says it carries, and
    the URL where it says that its users find the archive, empty when it says nothing of that."""

    trouble: str = ""
    reached: bool = True
    carries: str | None = None
    site: str = ""


async def tell(settings: Settings, connections: Connections, one: Downstream, archive: str, stage: str) -> Answer:
    """Trigger ``stage`` (stage1, stage2 or all) and wait for the answer."""
    if one.url:
        trouble = await web.call(one.url, one.method, min(web.DEADLINE, settings.push_deadline))
        return Answer(trouble, reached=not trouble)
    wire_name = archive if one.remote_archive is None else one.remote_archive
    command = words.write(wire_name, stage, mhop=one.push == "mhop" and stage != "all")
    outcome = await connections.run(settings, one, command)
    serial, site = carried(f"{outcome.stdout}\n{outcome.stderr}", one.host) if outcome.ok else (None, "")
    reached = outcome.code not in (UNREACHABLE, commands.TIMED_OUT)
    return Answer(reason(outcome), reached, serial, site)


def carried(said: str, host: str) -> tuple[str | None, str]:
    """The serial that a downstream says it carries, and where its users find it, from all that it said at ``host``."""
    found = _CARRIES.findall(said.replace("\r", ""))
    return (found[-1][0], _looked_at(found[-1][1], host)) if found else (None, "")


def _looked_at(site: str, host: str) -> str:
    """A URL that a downstream tells, if it is one that we look at; empty for any other text.

    One that leads to this machine counts when its downstream is here, too: nobody else looks around here by our eyes.
    """
    try:
        found = site_of(site) if site.startswith(("http://", "https://")) else ""
    except Fault:
        return ""
    return found if leads_inward(host) or not leads_inward(urlsplit(found).hostname or "") else ""


async def call_back(settings: Settings, connections: Connections, one: Downstream) -> str:
    """Tell the host ``one`` that our run has ended (PROTOCOL section 1.6); returns the trouble."""
    return reason(await connections.run(settings, one, f"callback:{settings.name}"))


def reason(outcome: Outcome) -> str:
    """Why a downstream was not told, in one line with the cure where there is one; empty when it was."""
    if outcome.ok:
        return ""
    said = outcome.last_words
    if fact := complaints.about_key(outcome.stderr):
        first = "ask its operator whether it was him, then " if fact == complaints.CHANGED else ""
        return f"{fact}; {first}put the line that `mirrorctl keys` prints there in MIRROR_KNOWN_HOSTS"
    if "Permission denied" in outcome.stderr:
        return "it refuses our key; hand it the line that `mirrorctl keys` prints here"
    if complaints.hung_up(outcome.stderr):
        return f"{complaints.HUNG_UP}; {complaints.HUNG_UP_CURE}"
    if "banner exchange" in outcome.stderr:
        return "it takes the connection and never says a word; see whether its sshd is well"
    if outcome.code == UNREACHABLE and not outcome.stderr.strip():
        return "not reachable: the connection broke off, or its command ended with 255"
    if outcome.code == UNREACHABLE:
        return f"not reachable: {said}"
    if outcome.code == commands.TIMED_OUT:
        return f"no end after {outcome.seconds:.0f} s"
    if outcome.code == words.UNKNOWN_ARCHIVE:
        return f"it does not carry the archive: {said}"
    if outcome.code == _BUSY:
        return f"it is busy: {said}"
    return f"its sync failed with exit {outcome.code}: {said}"
