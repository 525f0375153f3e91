"""All families of checks, side by side: what each one has found, in their order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Final

from appliance.doctor import (
    clock,
    configuration,
    disks,
    downstreams,
    keys,
    membership,
    outside,
    programs,
    running,
    upstreams,
)
from appliance.doctor.finding import Finding, error
from appliance.doctor.patient import Patient

Family = Callable[[Patient], Coroutine[Any, Any, list[Finding]]]

HERE: Final[Mapping[str, Family]] = {
    "configuration": configuration.examine,
    "running": running.examine,
    "membership": membership.examine,
    "keys": keys.examine,
    "disks": disks.examine,
    "programs": programs.examine,
}
"""What needs nobody else."""

THERE: Final[Mapping[str, Family]] = {
    "clock": clock.examine,
    "upstreams": upstreams.examine,
    "downstreams": downstreams.examine,
    "outside": outside.examine,
}
"""What others are asked for."""


async def examine(patient: Patient, local: bool) -> dict[str, list[Finding]]:
    """What every family has found. One that fails says so, and keeps nobody else from looking."""
    families = HERE if local else {**HERE, **THERE}
    found = await asyncio.gather(*(_look(family, patient) for family in families.values()))
    return dict(zip(families, found, strict=True))


async def _look(family: Family, patient: Patient) -> list[Finding]:
    try:
        return await family(patient)
    except Exception as fault:  # a broken machine breaks its doctor's tools as well
        about = family.__module__.rpartition(".")[2]
        return [
            error(about, f"could not be looked at: {type(fault).__name__}: {fault}", "see what else is wrong first")
        ]
