"""What a plan takes of the filesystem before anything is deleted."""

from __future__ import annotations

import os
from itertools import chain
from pathlib import Path

from appliance.space import Amount
from appliance.sync.changes import Change
from appliance.sync.plan import Plan

ENTRY = 64
"""Bytes of a directory for one name in it; the copies of links to what is replaced are names, too."""


def need_of(work: Plan, index: Path, block: int) -> Amount:
    """Room for the new files and directories, for all of the index beside what it replaces, and for their names.

    What an earlier run left in staging (``index``) is here already. A size that the plan does not know counts as none.
    """
    staged = sum((_held(index / change.path, block) for change in work.index), Amount())
    total = sum((_of(change, block) for change in chain(work.payload, work.index)), Amount())
    return Amount(max(0, total.bytes - staged.bytes), max(0, total.inodes - staged.inodes))


def _of(change: Change, block: int) -> Amount:
    if change.leader is not None:
        return Amount(ENTRY)
    if change.directory:
        return Amount(block + ENTRY, 1) if change.new else Amount()
    return Amount(_blocks(change.size, block) + ENTRY, 1)


def _held(path: Path, block: int) -> Amount:
    try:
        return Amount(_blocks(os.lstat(path).st_size, block), 1)
    except OSError:
        return Amount()


def _blocks(size: int, block: int) -> int:
    return -(-size // block) * block
