"""Deletes, as a separate, guarded and delayed phase."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path, PurePosixPath
from typing import Final

from appliance.sync.standing import Ground

MOST: Final = 40_000
"""Paths one sync may find gone before nothing is deleted (stock's ``--max-delete``, PROTOCOL section 2.1)."""

SHARE: Final = 0.05
"""Part of the archive that may be gone at once."""

FEW: Final = 10
"""So many may always go, or a small archive could never lose a file; but never half of what is left."""


HANDS: Final = 2
"""Files that are removed at a time: what takes long is to free their blocks, and two threads take half as long."""


@dataclass(frozen=True, slots=True)
class Guard:
    """What the guard says about the paths that an upstream no longer has."""

    gone: int
    kept: int

    @property
    def allowed(self) -> int:
        """How many paths may be gone at once, from an archive of which ``kept`` paths are still there."""
        return min(MOST, max(FEW, int(SHARE * (self.gone + self.kept))), self.kept)

    @property
    def holds(self) -> bool:
        """True when nothing must be deleted."""
        return self.gone > self.allowed

    def __str__(self) -> str:
        held = self.gone + self.kept
        return f"the upstream lost {self.gone} of {held} paths, more than the {self.allowed} that may go at once"


def delete(tree: Path, names: Iterable[str]) -> int:
    """Remove the paths, files before the directories they are in; returns how many are gone.

    A directory that is not empty stays: something in it is still wanted, or still has its grace time. Nothing is
    removed through a link: what it shows belongs to another path.
    """
    named = sorted(names)
    share = len(named) // HANDS + 1  # of neighbours: two in one directory would wait for each other
    with ThreadPoolExecutor(HANDS) as hands:
        shares = hands.map(partial(_left, tree, os.unlink), (named[n * share :][:share] for n in range(HANDS)))
        directories = sorted(chain.from_iterable(shares), reverse=True)
    return len(named) - len(_left(tree, os.rmdir, directories))


def below_link(tree: Path, name: str) -> bool:
    """Whether a part of the path above its last one is a link in the tree: then the path leads somewhere else."""
    return any((tree / parent).is_symlink() for parent in PurePosixPath(name).parents[:-1])


def held(tree: Path, name: str) -> list[str]:
    """The path and everything below it, as far as the tree has them."""
    top = tree / name
    if below_link(tree, name) or not os.path.lexists(top):
        return []
    if top.is_symlink() or not top.is_dir():
        return [name]
    return [name, *(path for entry in os.scandir(top) for path in held(tree, f"{name}/{entry.name}"))]


def _left(tree: Path, remove: Callable[[str], None], names: Iterable[str]) -> list[str]:
    """Remove these; returns what is there still, or was gone before."""
    ground = Ground(tree)  # no directory goes before all that is in it
    return [name for name in names if not _does(ground, remove, f"{tree}/{name}", name)]


def _does(ground: Ground, remove: Callable[[str], None], path: str, name: str) -> bool:
    try:
        if ground.bars(name):
            return False
        remove(path)
    except OSError:
        # Not empty, of another kind, gone before, or not ours to remove: none of it may hold up a sync.
        return False
    return True
