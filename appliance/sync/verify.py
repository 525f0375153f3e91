"""Is what we staged what its publisher signed, and does it fit together? Asked before anything is published.

    Debian:  signature ─▶ Release ─▶ every index we hold, and its by-hash name ─▶ every file that is newly named
    RPM:     signature ─▶ repomd.xml ─▶ every file it lists ─▶ every package that is newly named

A suite or repository is looked at when anything of it is staged. Only what changed is read; but payload that is
published already and comes as another file is held against every index that names it.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

from appliance.errors import Misfit, SyncError
from appliance.records import serial_number
from appliance.sync import trace
from appliance.sync.debian import suites as debian
from appliance.sync.profile import TRACE_DIRECTORY, Profile
from appliance.sync.rpm import repositories as rpm
from appliance.sync.terms import MEANT, Terms
from appliance.sync.view import View
from appliance.tracefile import SERIAL


@dataclass(slots=True)
class Seal:
    """What was found about an update that fits.

    ``signed`` is None when no suite or repository was in it; ``valid_until`` has epoch seconds for the root file of
    each, None for one without an end.
    """

    signed: bool | None = None
    valid_until: dict[str, float | None] = field(default_factory=dict)


class Part(Protocol):
    """A part of an archive that is whole or not: a suite, a repository."""

    @property
    def name(self) -> str:
        """The path of its root file."""

    @property
    def valid_until(self) -> float | None:
        """Epoch seconds, None without an end."""

    async def misfits(self) -> list[Misfit]:
        """What does not fit together. Raises SyncError for a part that must not be published anyway."""


_PARTS: Final[Mapping[str, Callable[[View, Terms], AsyncIterator[Part]]]] = {
    "debian": debian.suites,
    "rpm": rpm.repositories,
}
"""By the profile's name; a profile without parts has nothing that we could check."""


async def verify(view: View, profile: Profile, terms: Terms) -> Seal:
    """Check every part that something is staged of, and that the archive does not go back.

    Raises SyncError with all misfits found in the first part that has any, each with
    what was expected and found.
    """
    if not terms.rollback:
        _refuse_old_serial(view, terms.serial)
    seal = Seal()
    if profile.name in _PARTS:
        async for part in _PARTS[profile.name](view, terms):
            if misfits := await part.misfits():
                raise SyncError.misfit(misfits, [part.name])
            seal.valid_until[part.name] = part.valid_until
            seal.signed = terms.keyring is not None
    return seal


def _refuse_old_serial(view: View, ours: str | None) -> None:
    """Serials begin with a day and are not signed: one of a day to come must not bar all that follow."""
    tomorrow = time.strftime("%Y%m%d99", time.gmtime(time.time() + 86400))
    if ours and len(ours) == len(tomorrow) and ours > tomorrow:
        return
    master = view.find(f"{TRACE_DIRECTORY}/master")
    theirs = trace.field_of(master, SERIAL) if master else None
    mine, other = serial_number(ours), serial_number(theirs)
    if theirs and mine is not None and other is not None and other < mine:
        raise SyncError.refused(
            f"{TRACE_DIRECTORY}/master", f"no serial before {ours}, which is published", theirs, MEANT
        )
