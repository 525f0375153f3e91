"""Where the next state of an archive is prepared, beside what is published."""

from __future__ import annotations

import filecmp
import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from appliance.sync.prune import below_link
from appliance.sync.publish import staged


@dataclass(frozen=True, slots=True)
class Staging:
    """The directories beside an archive, on its own filesystem, in which its next state is prepared."""

    root: Path

    @property
    def index(self) -> Path:
        """Index files waiting to be published, under their final relative paths."""
        return self.root / "index"

    @property
    def temporary(self) -> Path:
        """Where rsync writes a file before it renames it into place; readers never see it."""
        return self.root / "tmp"

    @property
    def partial(self) -> Path:
        """What an interrupted transfer leaves, so that the next one resumes: a directory for each share of a list."""
        return self.root / "partial/payload"

    @property
    def partial_index(self) -> Path:
        """The same of index files: both may be fetched at the same time, and neither knows the parts of the other."""
        return self.root / "partial/index"

    @property
    def journal(self) -> Path:
        """What was fetched of the upstream's journal."""
        return self.root / "journal"

    @property
    def quarantine(self) -> Path:
        """Updates that were refused."""
        return self.root / "quarantine"

    def prepare(self) -> None:
        """Make the directories; clear what a dead rsync left half-written (resumable parts are kept)."""
        for directory in (self.index, self.temporary, self.partial, self.partial_index):
            directory.mkdir(parents=True, exist_ok=True)
        for left in os.scandir(self.temporary):
            if left.is_file(follow_symlinks=False) or left.is_symlink():
                os.unlink(left.path)

    def forget_partial(self) -> None:
        """After a good run: what it left half-fetched belongs to files that nobody wants any more."""
        shutil.rmtree(self.root / "partial", ignore_errors=True)

    def keep_only(self, names: Iterable[str]) -> None:
        """Drop what an earlier plan staged and this one does not name; the rest saves bytes."""
        wanted = set(names)
        for name in staged(self.index):
            if name not in wanted:
                os.unlink(self.index / name)
        # A directory says something too, where a file is published.
        for directory, _, _ in os.walk(self.index, topdown=False):
            if Path(directory) != self.index and not os.listdir(directory):
                os.rmdir(directory)

    def drop_known(self, tree: Path) -> None:
        """Drop the files that are in the tree already, the same in content, time and mode.

        What a link in the tree shows is not there: a directory takes the place of the link.
        """
        filecmp.clear_cache()  # it takes files of one size and time for those it has seen before
        for name in staged(self.index):
            if not below_link(tree, name) and _same(self.index / name, tree / name):
                os.unlink(self.index / name)


def _same(one: Path, other: Path) -> bool:
    if one.is_symlink() or other.is_symlink():
        return one.is_symlink() and other.is_symlink() and one.readlink() == other.readlink()
    if not other.is_file():
        return False
    a, b = one.stat(), other.stat()
    facts_agree = (a.st_size, int(a.st_mtime), a.st_mode) == (b.st_size, int(b.st_mtime), b.st_mode)
    return facts_agree and filecmp.cmp(one, other, shallow=False)
