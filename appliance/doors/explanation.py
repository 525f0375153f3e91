"""``?explain``: why a client is sent where it is sent, and why not elsewhere; as text, or as JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass

from appliance.doors.asked import Asked
from appliance.tree.place import Place
from appliance.tree.redirect import Table, Wants


@dataclass(frozen=True, slots=True)
class Explanation:
    """One decision: ``who`` is what the client is told apart by, ``location`` where it is sent, ``by`` in words how
    its country is known, or why not."""

    wanted: Asked
    wants: Wants
    table: Table
    who: bytes
    location: str
    country: str
    by: str

    def text(self) -> str:
        """For a person in a terminal."""
        kind = "metadata" if self.wants.metadata else "a file"
        country = f"country {self.country}" if self.country else "country not known"
        verdicts = self.table.explain(self.wants, self.who)
        width = max((len(one.place.name) for one in verdicts), default=0)
        lines = [
            f"{kind} of {self.wanted.archive}, which is at serial {self.table.newest}",
            f"{country}: {self.by}",
            f"to {self.location}",
            "",
            *(f"{'+' if one.fit else '-'} {one.place.name:{width}}  {one.reason}" for one in verdicts),
        ]
        return "\n".join(lines) + "\n"

    def json(self) -> str:
        """For a program."""
        wants, newest = self.wants, self.table.newest
        story = {
            "archive": self.wanted.archive,
            "path": self.wanted.quoted,
            "metadata": wants.metadata,
            "since": str(wants.since) if wants.since else None,
            "serial": str(newest) if newest is not None else None,
            "country": self.country or None,
            "country_by": self.by,
            "location": self.location,
            "candidates": [
                {"mirror": one.place.name, "fit": one.fit, "reason": one.reason, "serial": _serial(one.place)}
                for one in self.table.explain(wants, self.who)
            ],
        }
        return json.dumps(story, indent=1) + "\n"


def _serial(place: Place) -> str | None:
    return str(place.number) if place.number is not None else None
