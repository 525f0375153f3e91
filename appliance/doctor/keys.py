"""Our two ssh keys, and the keys of others that let them in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from appliance import commands
from appliance.commands import Outcome
from appliance.doctor.finding import Finding, error, note, of, ok
from appliance.doctor.patient import Patient
from appliance.settings import KeyHolder
from appliance.settings.names import variable

_MOMENT: Final = 10
"""Seconds for ssh-keygen to read a key."""


async def examine(patient: Patient) -> list[Finding]:
    """Usable, and used for what they are for."""
    own = await _read(patient.scratch.push_key)
    ours = _blob(own.stdout) if own.ok else ""
    return [*map(of, patient.key_faults), *await _kept(patient), *_others(patient, ours)]


async def _kept(patient: Patient) -> list[Finding]:
    """Those on the state volume, where none was given."""
    places, settings = patient.places, patient.settings
    found = [] if settings.host_key else [await _file("MIRROR_HOST_KEY", places.state_host_key)]
    return found if settings.push_key else [*found, await _file("MIRROR_PUSH_KEY", places.state_push_key)]


async def _file(variable: str, file: Path) -> Finding:
    if not file.exists():
        return note(variable, f"is not set, and {file} is not there yet", "nothing: the first start makes it")
    outcome = await _read(file)
    if not outcome.ok:
        cure = f"restore {file} from a backup, or remove it: the next start makes another, which others must be told"
        return error(str(file), f"is not a usable private key ({outcome.last_words})", cure)
    return ok(variable, f"is not set: {file} is used")


async def _read(file: Path) -> Outcome:
    """Its public half, for a private key that is usable without a passphrase."""
    return await commands.run(["ssh-keygen", "-y", "-P", "", "-f", str(file)], deadline=_MOMENT)


def _others(patient: Patient, ours: str) -> Iterator[Finding]:
    for family, holders in (("TRIGGERS", patient.settings.triggers), ("PULLS", patient.settings.pulls)):
        for name, holder in holders.items():
            yield _holder(variable(family, name, "KEY"), holder, ours)


def _holder(variable: str, holder: KeyHolder, ours: str) -> Finding:
    if _blob(holder.key) == ours:
        cure = "put the other mirror's key there: what its `mirrorctl keys` prints, or its operator's .pub file"
        return error(variable, "is our own push key, which nobody else has", cure)
    return ok(variable, f"lets in {holder.key.split()[0]} from {', '.join(holder.from_)}")


def _blob(line: str) -> str:
    return [*line.split(), "", ""][1]
