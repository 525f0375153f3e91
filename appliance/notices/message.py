"""What a person reads, and what a program reads, of what has changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from appliance import log
from appliance.notices.conditions import Aspect
from appliance.records import Notice

LINES: Final = 10
"""Of the log, behind what went wrong."""


@dataclass(frozen=True, slots=True)
class Message:
    """Everything that one channel has not been told yet; nothing makes it a test."""

    mirror: str
    notices: tuple[Notice, ...] = ()

    @property
    def kind(self) -> str:
        """In Apprise's words: ``failure`` when anything went wrong, else ``success``; ``info`` for a test."""
        if not self.notices:
            return "info"
        return "success" if all(notice.over for notice in self.notices) else "failure"

    @property
    def title(self) -> str:
        """The mirror, and what it is about."""
        if not self.notices:
            return f"{self.mirror}: a test"
        more = len(self.notices) - 1
        return f"{self.mirror}: {headline(self.notices[0])}" + (f", and {more} more" if more else "")

    @property
    def text(self) -> str:
        """A paragraph for each: state, reason, the last lines of the log about it."""
        return "\n\n".join(map(_paragraph, self.notices)) or "You will be told when something goes wrong."

    @property
    def facts(self) -> Mapping[str, Any]:
        """The same for programs. Names are stable; times are epoch seconds."""
        return {"mirror": self.mirror, "notices": [_facts(notice) for notice in self.notices]}


def headline(notice: Notice) -> str:
    """Subject and state in a few words."""
    return f"{notice.subject}: {Aspect[notice.condition].value[notice.over is not None]}"


def _paragraph(notice: Notice) -> str:
    if notice.over:
        return headline(notice)
    return "\n".join([headline(notice), log.clean(notice.reason), *(f"    {line}" for line in _lines(notice))])


def _facts(notice: Notice) -> dict[str, Any]:
    return {
        "subject": notice.subject,
        "condition": notice.condition.lower(),
        "state": "ok" if notice.over else "bad",
        "reason": notice.reason,
        "since": notice.since,
        "over_at": notice.over,
        "log": [] if notice.over else _lines(notice),
    }


def _lines(notice: Notice) -> Sequence[str]:
    """The log is remembered by archive: about a downstream there are none."""
    return log.last_lines(notice.subject)[-LINES:]
