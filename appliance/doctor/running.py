"""The running programs: does the controller answer, does everybody listen who should, is anybody failing."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from appliance import ports
from appliance.container import health
from appliance.doctor.finding import Finding, error, note, ok, warning
from appliance.doctor.patient import Patient


async def examine(patient: Patient) -> list[Finding]:
    """Nothing runs in a container that was started for this look alone; then that is said, and is no fault."""
    if not patient.runs and not patient.places.failed.exists():
        why = "its configuration is refused" if patient.reading.problems else "it was started for this look alone"
        fact = f"the mirror does not run in this container: {why}"
        return [note("container", fact, "what runs is looked at by `docker exec CONTAINER mirrorctl doctor`")]
    tls = ports.RSYNCD_TLS if patient.settings.tls_cert else None
    faults = await asyncio.to_thread(health.check, tls=tls)
    found = [*_controller(patient), *(_silent(name, fault) for name, fault in faults.items())]
    return [
        *found,
        *([] if faults else [ok("programs", "everybody answers on the port that is his")]),
        *_archives(patient),
    ]


def _controller(patient: Patient) -> Iterator[Finding]:
    if patient.places.failed.exists():
        name = patient.places.failed.read_text().strip()
        yield error(
            "container", f"core process {name} has ended, so the container ends", "its log says why, a line before"
        )
    elif patient.picture is None:
        yield error("controller", f"it does not answer: {patient.silence}", "docker logs CONTAINER says why")
    else:
        yield ok("controller", f"it answers, as {patient.picture['name']}")


def _silent(name: str, fault: str) -> Finding:
    return error(name, f"nobody answers inside the container: {fault}", "docker logs CONTAINER says why")


def _archives(patient: Patient) -> Iterator[Finding]:
    """What the runs of late came to."""
    for name, archive in (patient.picture or {}).get("archives", {}).items():
        if archive["paused_at"]:
            yield note(name, "it is paused: requests are accepted and wait", f"mirrorctl resume {name}")
        if archive["state"] == "failing":
            fact, _, cure = (archive["error"] or "its last run failed").partition("\n")
            yield error(name, fact, cure.strip() or f"mirrorctl logs {name}")
        elif archive["published_at"] is None:
            verb = "sync" if archive["role"] == "mirror" else "publish"
            yield warning(name, "nothing was published yet", f"mirrorctl {verb} {name} --wait")
