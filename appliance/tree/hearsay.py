"""The reports of appliances: what is below another one is seen through its eyes only, so it is asked often."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Final

from appliance.tree.family import Member
from appliance.tree.gathered import Gathered
from appliance.tree.kin import Key
from appliance.tree.lookout import Lookout
from appliance.tree.rounds import Found

REPORT: Final = ""
"""In the place of an archive's name: the report of a mirror is looked at."""


class Hearsay:
    """Asks the members of ``gathered``, and keeps there what they tell. ``hurry`` is called with what has changed."""

    def __init__(self, gathered: Gathered, lookout: Lookout, hurry: Callable[[Iterable[Key]], None]) -> None:
        self._gathered, self._lookout, self._hurry = gathered, lookout, hurry
        self._mute: dict[str, float] = {}

    async def ask(self, mirror: str) -> Found:
        """Ask one mirror, which may be no appliance."""
        members = self._gathered.members.values()
        member, url = next((one, url) for one in members if one.mirror == mirror for url in served(one))
        reports = self._gathered.reports
        try:
            report = await self._lookout.report(url)
        except (OSError, TimeoutError):
            since = self._mute.setdefault(mirror, time.monotonic())
            hopeless = member.claimed and mirror not in reports
            return Found(None if hopeless else time.monotonic() - since, answered=False)
        self._mute.pop(mirror, None)
        before = reports.pop(mirror, None)
        if report is None:
            return Found()
        reports[mirror] = report
        if before and (changed := before.serials.items() ^ report.serials.items()):
            self._hurry({(mirror, archive) for archive, _ in changed})
        return Found(0.0)


def served(member: Member) -> list[str]:
    """The URLs of a mirror whose server may have a report."""
    return [url for url in member.urls if not url.startswith("rsync:")]
