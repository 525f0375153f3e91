"""What an audit tells: how far it is, and what it found."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Protocol

from appliance.errors import Misfit


class Watch(Protocol):
    """Who is told how far an audit is; called from a thread of its own."""

    def begin(self, stage: str, files: int | None = None, bytes: int | None = None) -> None:
        """A stage begins, with so much to do when that is known."""

    def done(self, files: int, bytes: int) -> None:
        """So much more is done."""


class _Nobody:
    def begin(self, stage: str, files: int | None = None, bytes: int | None = None) -> None: ...
    def done(self, files: int, bytes: int) -> None: ...


NOBODY: Final[Watch] = _Nobody()


@dataclass(slots=True)
class Report:
    """What an audit found: the misfits by path, and how much it looked at; ``bytes`` as the indices have it.

    ``roots`` are the root files it began with, ``suites`` how many of them it read.
    """

    misfits: dict[str, Misfit] = field(default_factory=dict)
    suites: int = 0
    indices: int = 0
    files: int = 0
    bytes: int = 0
    roots: frozenset[str] = frozenset()

    def add(self, misfit: Misfit) -> None:
        """One more; what was said first of a path stays."""
        self.misfits.setdefault(misfit.path, misfit)
