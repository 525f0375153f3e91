"""Our two ssh keys, and the keys of others that let them in."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from appliance import keys
from appliance.commands import run_now
from appliance.doctor.finding import Finding, error, note, of, ok
from appliance.doctor.patient import Patient
from appliance.settings import KeyHolder


async def examine(patient: Patient) -> list[Finding]:
    """Usable, and used for what they are for."""
    return await asyncio.to_thread(lambda: [*_own(patient), *_others(patient)])


def _own(patient: Patient) -> Iterator[Finding]:
    yield from map(of, keys.check(patient.settings, patient.scratch))
    kept = {
        "MIRROR_HOST_KEY": (patient.settings.host_key, patient.places.state_host_key),
        "MIRROR_PUSH_KEY": (patient.settings.push_key, patient.places.state_push_key),
    }
    for variable, (given, file) in kept.items():
        if given:
            continue  # what is wrong with it was said above
        if not file.exists():
            yield note(variable, f"is not set, and {file} is not there yet", "nothing: the first start makes it")
        elif not (outcome := run_now("ssh-keygen", "-y", "-P", "", "-f", str(file))).ok:
            cure = (
                f"restore {file} from a backup, or remove it: the next start makes another, which others must be told"
            )
            yield error(str(file), f"is not a usable private key ({outcome.last_words})", cure)
        else:
            yield ok(variable, f"is not set: {file} is used")


def _others(patient: Patient) -> Iterator[Finding]:
    ours = _public(patient)
    for family, holders in (("TRIGGERS", patient.settings.triggers), ("PULLS", patient.settings.pulls)):
        for name, holder in holders.items():
            yield _holder(f"MIRROR_{family}__{name.replace('-', '_').upper()}__KEY", holder, ours)


def _holder(variable: str, holder: KeyHolder, ours: str) -> Finding:
    if _blob(holder.key) == ours:
        cure = "put the other mirror's key there: what its `mirrorctl keys` prints, or its operator's .pub file"
        return error(variable, "is our own push key, which nobody else has", cure)
    return ok(variable, f"lets in {holder.key.split()[0]} from {', '.join(holder.from_)}")


def _public(patient: Patient) -> str:
    """The text of our push key's public half; empty when there is none yet."""
    outcome = run_now("ssh-keygen", "-y", "-P", "", "-f", str(patient.scratch.push_key))
    return _blob(outcome.stdout) if outcome.ok else ""


def _blob(line: str) -> str:
    return [*line.split(), "", ""][1]
