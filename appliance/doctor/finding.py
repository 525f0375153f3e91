"""What a check has found: how bad, about which setting, a line of fact, one of cure, and what the other end pastes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import IntEnum
from typing import Any

from appliance.errors import Problem


class Level(IntEnum):
    """How bad it is."""

    OK = 0
    NOTE = 1
    """Worth knowing; nothing has to be done."""
    WARNING = 2
    """It works, or cannot be told; not for ever, or not as meant."""
    ERROR = 3
    """It does not work."""


@dataclass(frozen=True, slots=True)
class Finding:
    """``about`` is the setting, path or host; ``paste`` is the exact line that somebody needs, ``where`` whose."""

    level: Level
    about: str
    fact: str
    cure: str = ""
    paste: str = ""
    where: str = ""

    @property
    def document(self) -> dict[str, Any]:
        """For programs; names are stable."""
        return asdict(self) | {"level": self.level.name.lower()}


def ok(about: str, fact: str) -> Finding:
    """All is well."""
    return Finding(Level.OK, about, fact)


def note(about: str, fact: str, cure: str = "", paste: str = "", where: str = "") -> Finding:
    """Worth knowing."""
    return Finding(Level.NOTE, about, fact, cure, paste, where)


def warning(about: str, fact: str, cure: str, paste: str = "", where: str = "") -> Finding:
    """Not as it should be."""
    return Finding(Level.WARNING, about, fact, cure, paste, where)


def error(about: str, fact: str, cure: str, paste: str = "", where: str = "") -> Finding:
    """It does not work."""
    return Finding(Level.ERROR, about, fact, cure, paste, where)


def of(problem: Problem) -> Finding:
    """What the start of the container would be refused for."""
    return error(problem.variable, problem.fact, problem.cure)


def worst(findings: Iterable[Finding]) -> Level:
    """The level that all of them together have."""
    return max((one.level for one in findings), default=Level.OK)
