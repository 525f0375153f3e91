"""What can go wrong, and with which exit status the process then ends: each class owns its own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from appliance.commands import Verdict


class ApplianceError(Exception):
    """An expected failure: one line of fact, one line of cure, and the exit status it ends a process with."""

    exit_code = 1

    def __init__(self, fact: str, cure: str = "") -> None:
        super().__init__(fact)
        self.fact = fact
        self.cure = cure

    def __str__(self) -> str:
        return f"{self.fact}\n  {self.cure}" if self.cure else self.fact


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with what the operator gave us: where, what, and what to do about it."""

    variable: str
    fact: str
    cure: str

    def __str__(self) -> str:
        return f"{self.variable}: {self.fact}\n  {self.cure}"


class ConfigurationError(ApplianceError):
    """The configuration or the volumes cannot be used; carries every problem found, not only the first."""

    exit_code = 78

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))


class SyncError(ApplianceError):
    """A sync that could not be finished; `verdict` says whether and when it is worth another try.

    `paths` are the index files that did not fit, worth fetching again whatever their size and time say."""

    def __init__(
        self, fact: str, cure: str = "", verdict: Verdict = Verdict.REFUSED, paths: Iterable[str] = ()
    ) -> None:
        super().__init__(fact, cure)
        self.verdict = verdict
        self.paths = frozenset(paths)

    @classmethod
    def moved(cls, fact: str, paths: Iterable[str] = ()) -> SyncError:
        """The upstream changed while we looked: what we staged does not fit together."""
        return cls(fact, "the upstream is being updated, or is broken; we plan again", Verdict.MOVED, paths)
