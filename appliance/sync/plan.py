"""What must change, as lists of paths; and what of it may be done at any time."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path

from appliance.sync.changes import NONE, Change, Changes
from appliance.sync.profile import HIERARCHY
from appliance.sync.prune import below_link
from appliance.sync.refused import NOTHING, Refused, why
from appliance.sync.standing import Ground, Standing


@dataclass(frozen=True, slots=True)
class Plan:
    """What one sync has to do. Every list is sorted by path: rsync is eight times slower on unsorted ones (BASELINE).

    ``upstream_files`` counts every path the upstream shows us, which is what guards measure a shrinking against;
    ``updating`` names the flags with which it says that its tree is being changed; ``refused`` is what it shows and we
    do not take. Without ``whole`` it is what changed since we were there, and says nothing of the rest. ``twins`` are
    index files, each with its time, whose content is likely to come under another name (``debian.twins``). ``present``
    is what was told of and is here already.
    """

    payload: Changes = NONE
    index: Changes = NONE
    delete: tuple[str, ...] = ()
    upstream_files: int = 0
    updating: tuple[str, ...] = ()
    refused: Refused = NOTHING
    whole: bool = True
    twins: Mapping[str, int] = field(default_factory=dict)
    present: frozenset[str] = frozenset()

    @property
    def bytes(self) -> int:
        """Upper bound of the bytes to fetch."""
        return self.payload.bytes + self.index.bytes

    def insisting_on(self, paths: Iterable[str], tree: Path) -> Plan:
        """This plan, and these index files whatever their size and time say; not those that are gone or refused.

        They may be as large as those that the tree holds.
        """
        wanted = {path for path in set(paths) - set(self.delete) if not why(path)}
        wanted -= {change.path for change in self.index.among(wanted)}
        more = (Change(path, _size(tree / path), new=False) for path in wanted)
        return replace(self, index=Changes.of(chain(self.index, more))) if wanted else self

    def offered(self, tree: Path, asked: Collection[str]) -> list[str]:
        """Those of the paths that are files upstream, sorted: what a walk does not tell of is on both sides."""
        told = {change.path for change in self.among(set(asked)) if not change.directory}
        gone = set(self.delete)
        return sorted(path for path in asked if path in told or (path not in gone and _is_file(tree, path)))

    def besides(self, doomed: Collection[str]) -> Plan:
        """This plan with what was gone upstream before; not what it brings back, nor what is there again as it was."""
        gone = {*doomed, *self.delete} - self.present
        return replace(self, delete=tuple(sorted(gone - {change.path for change in self.among(gone)})))

    def sparing(self, tree: Path) -> Plan:
        """This plan without what would take the place of a directory that we hold something in."""
        return replace(self, index=self.index.only(lambda change: not _buries(tree / change.path, change)))

    def among(self, paths: Collection[str]) -> list[Change]:
        """The changes of these paths, payload and index."""
        return [*self.payload.among(paths), *self.index.among(paths)]

    @property
    def empty(self) -> bool:
        """True when there is nothing to fetch but the chain of mirrors above us, to which everyone adds a line."""
        return not self.payload and all(change.path == HIERARCHY for change in self.index)


def harmless(tree: Path, names: Iterable[str]) -> Changes:
    """Those that we would take, and that may come into the tree at any time."""
    ground = Ground(tree)
    changes = (Change(path, 0, new=True) for path in names if not why(path))
    return Changes.of(change for change in changes if not turns(ground, change))


def _size(file: Path) -> int:
    try:
        return file.lstat().st_size
    except OSError:
        return 0


def _is_file(tree: Path, path: str) -> bool:
    here = tree / path
    return (here.is_symlink() or here.is_file()) and not below_link(tree, path)


def turns(ground: Ground, change: Change) -> bool:
    """Whether taking the change now would replace something of another kind, or go through a link."""
    standing = ground.at(change.path)
    if change.directory or standing is Standing.NOTHING:
        return standing is Standing.OTHER
    return standing is Standing.DIRECTORY or ground.bars(change.path)


def _buries(here: Path, change: Change) -> bool:
    return not change.directory and here.is_dir() and not here.is_symlink() and any(here.iterdir())


def paths(changes: Iterable[Change]) -> list[str]:
    """Only the names, in their order."""
    return [change.path for change in changes]
