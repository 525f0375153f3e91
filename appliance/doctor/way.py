"""One upstream of one archive, as it is asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from appliance.doctor.patient import Patient, archive_variable
from appliance.settings import Archive
from appliance.settings.environment import INVITE
from appliance.settings.upstream import Upstream
from appliance.sync.source import Source

PATIENCE: Final = 15
"""Seconds for one exchange with an upstream."""


@dataclass(frozen=True, slots=True)
class Way:
    """One upstream of one archive, as it is asked; ``variable`` is the setting that names it."""

    patient: Patient
    name: str
    archive: Archive
    upstream: Upstream
    variable: str
    source: Source

    @property
    def password(self) -> str:
        """The setting that holds its password."""
        if self.patient.written(self.variable) == INVITE:
            return INVITE
        if self.variable.endswith("__UPSTREAM"):
            return self.patient.written(f"{archive_variable(self.name)}__PASSWORD")
        return self.patient.written(f"{archive_variable(self.name)}__FALLBACK_PASSWORDS")
