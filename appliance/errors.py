"""What can go wrong, and with which exit status the process then ends: each class owns its own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from appliance.commands import Verdict


class ApplianceError(Exception):
    """An expected failure: one line of fact, one line of cure, and the exit status it ends a process with."""

    exit_code = 1

    def __init__(self, fact: str, cure: str = "") -> None:
        # A name in it need not be UTF-8; the fact goes to logs, JSON and the store.
        self.fact = fact.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
        super().__init__(self.fact)
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


@dataclass(frozen=True, slots=True)
class Misfit:
    """One file of an update that is not what another one says it is."""

    path: str
    expected: str
    found: str
    missing: bool = False
    """True for payload that an index names and we do not hold: the upstream may have it since our plan was made."""
    again: bool = True
    """False for what the upstream does not have: there is nothing to fetch anew."""

    def __str__(self) -> str:
        return f"{self.path}: expected {self.expected}, found {self.found}"


class SyncError(ApplianceError):
    """A sync that could not be finished; `verdict` says whether and when it is worth another try.

    `misfits` are the files that do not fit together; `paths` those worth fetching again whatever their size and time
    say.
    """

    def __init__(
        self,
        fact: str,
        cure: str = "",
        verdict: Verdict = Verdict.REFUSED,
        paths: Iterable[str] = (),
        misfits: Iterable[Misfit] = (),
    ) -> None:
        super().__init__(fact, cure)
        self.verdict = verdict
        self.misfits = tuple(misfits)
        self.paths = frozenset((*paths, *(one.path for one in self.misfits if one.again and not one.missing)))

    @classmethod
    def moved(cls, fact: str, paths: Iterable[str] = (), misfits: Iterable[Misfit] = ()) -> SyncError:
        """The upstream changed while we looked: what we staged does not fit together."""
        return cls(fact, "the upstream is being updated, or is broken; we plan again", Verdict.MOVED, paths, misfits)

    @classmethod
    def misfit(cls, misfits: Iterable[Misfit], paths: Iterable[str] = ()) -> SyncError:
        """These files do not fit together; `paths` are others that should be fetched anew with them."""
        found = tuple(misfits)
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        return cls.moved(f"{found[0]}{more}", paths, found)

    @classmethod
    def refused(cls, path: str, expected: str, found: str, cure: str) -> SyncError:
        """An update that must not be published, and that a retry does not make better."""
        misfit = Misfit(path, expected, found)
        return cls(str(misfit), f"nothing was published; {cure}", misfits=[misfit])

    @property
    def missing(self) -> frozenset[str]:
        """The payload that is named by an index and not held."""
        return frozenset(one.path for one in self.misfits if one.missing)
