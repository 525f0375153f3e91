"""Whether others can reach us, as far as that can be told from inside."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from ipaddress import ip_address

from appliance import commands
from appliance.doctor import reaching
from appliance.doctor.finding import Finding, note, ok, warning
from appliance.doctor.patient import Patient

_SSH = (2222, 22)
_RSYNC = (873, 8730)
_HTTP = (80, 8080)


async def examine(patient: Patient) -> list[Finding]:
    """Our public name, what answers there, and who has come in from outside lately."""
    name, settings = patient.settings.name, patient.settings
    addresses = await reaching.resolved(name)
    if not addresses:
        cure = "have it put into the DNS, or write the name that others know this mirror by"
        return [warning("MIRROR_NAME", f"{name} has no address here", cure), *_came_in(patient)]
    private = [one for one in addresses if not ip_address(one.partition("%")[0]).is_global]
    found = [note("MIRROR_NAME", f"{name} is {', '.join(private)}, which the internet cannot reach")] if private else []
    wanted = [("rsyncd", _RSYNC, reaching.RSYNC, 873)]
    wanted += [("sshd", _SSH, reaching.SSH, 2222)] if settings.triggers or settings.pulls else []
    looks = await asyncio.gather(*(_seen(name, *one) for one in wanted))
    ours = [await _is_us(patient, name)] if settings.triggers else []
    return [*found, *looks, *(one for one in ours if one), *_came_in(patient)]


async def _seen(name: str, program: str, ports: tuple[int, ...], first: bytes, usual: int) -> Finding:
    port = await reaching.listening(name, ports, first)
    if port:
        return ok(f"{name}:{port}", f"an {program} answers there, from here")
    fact = f"no {program} answers there at {' or '.join(map(str, ports))}, as seen from inside the container"
    cure = f"from another machine try: nc {name} {usual}; then publish the port, and open the firewall for it"
    return note(name, fact, cure)


async def _is_us(patient: Patient, name: str) -> Finding | None:
    """Whether a port of our own name leads to us, which our host key shows: not to the machine's own sshd."""
    if not patient.places.host_public_key.exists():
        return None
    ours = patient.places.host_public_key.read_text().split()[1]
    for port in _SSH:
        argv = ["ssh-keyscan", "-t", "ed25519", "-T", "3", "-p", str(port), name]
        shown = await commands.run(argv, deadline=reaching.PATIENCE)
        if ours in shown.stdout.split():
            return ok(f"{name}:{port}", "the sshd there is ours: it shows our host key")
    return None


def _came_in(patient: Patient) -> Iterator[Finding]:
    """Who has triggered us has reached us."""
    for name, archive in (patient.picture or {}).get("archives", {}).items():
        run = archive["last_run"]
        if run and run["trigger"] in ("ssh", "http"):
            ago = time.time() - run["started_at"]
            yield ok(name, f"the last run was triggered by {run['trigger']}, {ago:.0f} s ago: triggers arrive")
