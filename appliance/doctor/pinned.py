"""The host keys we have pinned, against those that others show now."""

from __future__ import annotations

from typing import Final

from appliance import commands, ssh
from appliance.doctor.finding import Finding, error, note, ok
from appliance.doctor.patient import Patient

SCAN: Final = 10
"""Seconds for a look at a host's keys."""


async def host_key(patient: Patient, host: str, port: int, who: str) -> Finding:
    """Whether a host shows the key that is pinned for it; ``who`` is what people call it.

    The key it shows now is offered for pasting: whether it is the right one only its operator can say.
    """
    name = ssh.known_as(host, port)
    lines = await _pinned(patient, name)
    shown = await _shown(host, port, _kinds(lines) or "ed25519") or await _shown(host, port, "ecdsa,rsa")
    variable = patient.written("MIRROR_KNOWN_HOSTS")
    offered = next((line for line in shown if " ssh-ed25519 " in line), shown[0] if shown else "")
    fits = {_blob(line) for line in lines} & {_blob(line) for line in shown}
    if fits or (lines and not shown):
        return ok(f"{who} ({name})", "its host key is pinned" + (", and the one it shows" if fits else ""))
    if lines:
        cure = "ask its operator whether he changed it; if he did, this replaces the line"
        return error(variable, f"the host key of {who} has changed", cure, offered, variable)
    cure = "compare this with what its operator says, then add it" if offered else f"ssh-keyscan -p {port} {host}"
    if patient.settings.host_key_checking == "accept-new":
        fact = f"holds no host key of {who}, and MIRROR_HOST_KEY_CHECKING trusts the first one it shows"
        return note(variable, fact, cure, offered, variable)
    return error(variable, f"holds no host key of {who} ({name}), so it is not spoken to", cure, offered, variable)


async def _pinned(patient: Patient, name: str) -> list[str]:
    """The lines about a host; hashed names are found as well."""
    found = []
    for file in (patient.scratch.known_hosts, patient.places.learned_hosts):
        outcome = await commands.run(["ssh-keygen", "-F", name, "-f", str(file)], deadline=SCAN)
        found += [line for line in outcome.stdout.splitlines() if line and not line.startswith("#")]
    return found


async def _shown(host: str, port: int, kinds: str) -> list[str]:
    """The lines that would pin it: one connection for each kind of key, so only those that are worth it."""
    argv = ["ssh-keyscan", "-T", str(SCAN // 2), "-t", kinds, "-p", str(port), host]
    outcome = await commands.run(argv, deadline=SCAN)
    return sorted(line for line in outcome.stdout.splitlines() if line and not line.startswith("#"))


def _kinds(lines: list[str]) -> str:
    """The kinds of the keys in these lines, as ssh-keyscan calls them."""
    words = {word for line in lines for word in line.split()[:3]}
    names = {"ssh-ed25519": "ed25519", "ssh-rsa": "rsa"} | {
        word: "ecdsa" for word in words if word.startswith("ecdsa-")
    }
    return ",".join(sorted({names[word] for word in words & set(names)}))


def _blob(line: str) -> str:
    words = [word for word in line.split() if not word.startswith("@")]
    return words[2] if len(words) > 2 else ""
