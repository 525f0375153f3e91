"""A look at a mirror that is not started: its findings by family, as the doctor itself would have them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from appliance.doctor import rounds
from appliance.doctor.finding import Finding, Level
from appliance.doctor.patient import prepared
from appliance.doctor.rounds import Family
from appliance.places import Places
from appliance.settings import read
from tests.unit.samples import SMALLEST

UPSTREAM = "MIRROR_ARCHIVES__DEBIAN__UPSTREAM"


def look(family: Family, places: Places, picture: Mapping[str, Any] | None = None, /, **changes: str) -> list[Finding]:
    """What one family finds; ``changes`` are variables without their MIRROR_."""
    environ = {**SMALLEST, **{f"MIRROR_{name}": value for name, value in changes.items()}}
    with prepared(read(environ), places, picture, "nobody is there") as patient:
        return asyncio.run(family(patient))


def everything(places: Places, environ: Mapping[str, str]) -> list[Finding]:
    """What all families find on this machine alone."""
    with prepared(read(environ), places, None, "nobody is there") as patient:
        return [one for ones in asyncio.run(rounds.examine(patient, local=True)).values() for one in ones]


def only(findings: list[Finding], least: Level = Level.NOTE) -> Finding:
    """The one finding that is not well."""
    (found,) = (one for one in findings if one.level >= least)
    return found
