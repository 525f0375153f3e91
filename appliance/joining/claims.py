"""What a mirror says of itself, and what of that it must not say: the words of a member are a stranger's words."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from urllib.parse import urlsplit

from appliance.joining.statement import Statement
from appliance.records import Member
from appliance.settings.addresses import site_of
from appliance.settings.faults import Fault
from appliance.settings.hosts import leads_inward
from appliance.settings.public import host_port


@dataclass(frozen=True, slots=True)
class Ours:
    """What we say of ourselves: keys that trigger, our sshd in known_hosts lines, the archives we have.

    ``others`` are the sshds that are somebody else's, host and port; ``users`` those that rsync knows already.
    """

    push_keys: tuple[str, ...]
    host_keys: tuple[str, ...]
    archives: tuple[str, ...]
    others: Collection[tuple[str, int]] = ()
    users: Collection[str] = ()


def fault(member: Member, said: Statement, ours: Ours) -> Fault | None:
    """What is wrong with what a mirror says of itself; None when nothing is."""
    try:
        host, port = host_port(said.ssh) if said.ssh else ("", 0)
        site = site_of(said.site)
    except Fault as found:
        return found
    if leads_inward(host) or leads_inward(urlsplit(site).hostname or ""):
        return Fault(f"{said.ssh} or {site} leads back to who reads it", "set MIRROR_PUBLIC__… to what others reach")
    # What was said has no capitals left, and known_hosts minds none: a second key would let its owner stand in for it.
    if (host, port) in {(other.lower(), number) for other, number in ours.others}:
        return Fault(f"{said.ssh} is somebody else's", "set MIRROR_PUBLIC__SSH to an address of its own")
    if said.ssh and not said.host_keys:
        return Fault("it names no host key", "nobody speaks to an sshd that could be anybody's")
    if not set(said.archives) & set(member.archives) & set(ours.archives):
        return Fault(f"it carries none of {', '.join(member.archives)}", "these were offered, take one at least")
    return None
