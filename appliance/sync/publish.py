"""Make staged files visible, in an order a reader can live with; safe to repeat after a crash at any point."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Final

from appliance import commands
from appliance.commands import Verdict
from appliance.errors import SyncError
from appliance.sync.order import in_publish_order
from appliance.sync.profile import Profile

_SYNC_DEADLINE: Final = 600.0


async def reach_disk(tree: Path) -> None:
    """Have everything fetched so far on the disk: else an index could outlive a power cut, and its payload not."""
    outcome = await commands.run(["sync", "--file-system", str(tree)], deadline=_SYNC_DEADLINE)
    if not outcome.ok:
        raise SyncError(f"{tree} cannot be written to disk: {outcome.last_words}", "check the disk", Verdict.LOCAL)


def staged(index: Path) -> list[str]:
    """Every file and link below the staging directory, relative and sorted; empty directories do not count."""
    return sorted(_files(index, index)) if index.is_dir() else []


def publish(index: Path, tree: Path, profile: Profile) -> list[str]:
    """Move every staged file into the tree, each by one rename; returns the paths, in the order they became visible.

    What was moved is gone from staging, so a second call after a crash finishes what the first began. The caller
    records the publication before, and forgets it after.
    """
    names = in_publish_order(profile, staged(index))
    for name in names:
        _replace(index / name, tree, name)
    shutil.rmtree(index, ignore_errors=True)
    return names


def _replace(new: Path, tree: Path, name: str) -> None:
    old = tree / name
    for parent in reversed(PurePosixPath(name).parents[:-1]):
        _make_way(tree / parent)
    if old.is_dir() and not old.is_symlink():
        # A directory became a file or a link upstream: rename cannot replace it.
        shutil.rmtree(old)
    os.replace(new, old)


def _make_way(directory: Path) -> None:
    """Have a directory there, where a link or a file may have stood: nothing is published through a link."""
    if directory.is_dir() and not directory.is_symlink():
        return
    if directory.is_symlink() or directory.exists():
        directory.unlink()
    directory.mkdir()


def _files(directory: Path, root: Path) -> Iterator[str]:
    for entry in os.scandir(directory):
        if entry.is_dir(follow_symlinks=False):
            yield from _files(Path(entry.path), root)
        else:
            yield str(Path(entry.path).relative_to(root))
