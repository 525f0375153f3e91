"""What an audit is asked about, and what it finds an archive made of: repositories, each with sound indices."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Self

from appliance.errors import Misfit
from appliance.sync.entry import Reference
from appliance.sync.news import Naming


@dataclass(frozen=True, slots=True)
class Scope:
    """Which paths are asked about: some, or with None all.

    ``below``: whatever is listed in a file that is asked about is asked about, too.
    """

    paths: frozenset[str] | None = None
    below: bool = True
    _names: frozenset[str] = frozenset()

    @classmethod
    def of(cls, paths: Iterable[str], below: bool = True) -> Self:
        """These paths."""
        kept = frozenset(paths)
        return cls(kept, below, frozenset(map(posixpath.basename, kept)))

    def __contains__(self, path: str) -> bool:
        return self.paths is None or path in self.paths

    def opens(self, path: str) -> bool:
        """Whether all that is listed in this file is asked about."""
        return self.paths is None or (self.below and path in self.paths)

    def names(self, reference: Reference, bases: tuple[str, ...]) -> bool:
        """Whether a file that an index names is asked about."""
        if self.paths is None:
            return True
        if repr(reference.path) in self.paths:
            return True  # it leads out of the archive, and is spoken of in that way
        if posixpath.basename(reference.path) not in self._names:
            return False  # nearly all of them end here
        return any(posixpath.normpath(posixpath.join(base, reference.path)) in self.paths for base in bases)


EVERYTHING: Final = Scope()


@dataclass(frozen=True, slots=True)
class Listing:
    """An index that can be relied upon, and the directories that the paths in it may be relative to.

    ``whole`` when all that it names is asked about.
    """

    index: Naming
    bases: tuple[str, ...]
    whole: bool = True


@dataclass(frozen=True, slots=True)
class Audited:
    """One root file: what does not fit of itself and of the files it lists, and the sound indices among these.

    ``measured`` are the files that were looked at.
    """

    root: str
    misfits: tuple[Misfit, ...] = ()
    listings: tuple[Listing, ...] = ()
    measured: int = 0
