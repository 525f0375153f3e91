"""A plan's files split into lists that several rsyncs can fetch at the same time."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from appliance.sync.changes import Change
from appliance.sync.feed import LONGEST

FILE_COST: Final = 16 << 10
"""Bytes that could have been fetched in the time that a file takes on top of its content: 40 microseconds."""

WORTH: Final = 16 << 20
"""Bytes of a share for which another connection pays: it begins with half a second of round trips and slow start on a
path of 50 ms, in which a running one moves as much."""

Share = tuple[Change, ...]
"""What one rsync fetches."""


def streams_for(changes: Sequence[Change], most: int, bwlimit: int = 0) -> int:
    """How many rsyncs at a time pay for these changes, ``most`` at most, at least one.

    ``bwlimit`` is KiB/s for all together, 0 for none: one that a single stream reaches is not worth a second.
    """
    worth = sum(map(weight, changes)) // WORTH
    if bwlimit:
        worth = min(worth, (bwlimit << 10) // WORTH)
    return max(1, min(most, worth))


def split(changes: Iterable[Change], streams: int) -> list[Share]:
    """Shares of about the same weight, a multiple of ``streams`` in number where their length allows it.

    Each is a range of the list sorted by path, so that a directory is the business of one; but names of one file stay
    together, since rsync links a file only to one that is in its own list.
    """
    ordered = sorted(changes, key=lambda change: os.fsencode(change.path))
    if not ordered:
        return []
    rounds = -(-len(ordered) // (LONGEST * streams))
    return list(_ranges(_families(ordered), -(-sum(map(weight, ordered)) // (rounds * streams))))


def weight(change: Change) -> int:
    """What fetching it costs, in bytes."""
    return change.size + FILE_COST


def _ranges(families: Iterable[Share], target: int) -> Iterator[Share]:
    """A family is where its middle is, on a line of ranges of the same weight."""
    share: list[Change] = []
    carried = range_of_share = 0
    for family in families:
        heavy = sum(map(weight, family))
        range_here = (carried + heavy // 2) // target
        if share and (range_here != range_of_share or len(share) + len(family) > LONGEST):
            yield tuple(share)
            share = []
        share += family
        carried, range_of_share = carried + heavy, range_here
    yield tuple(share)


def _families(ordered: Sequence[Change]) -> Iterator[Share]:
    """The changes in their order, but those that are names of one file right behind the first of them."""
    heads = _heads(ordered)
    families: dict[str, list[Change]] = {}
    for change in ordered:
        if change.path in heads:
            families.setdefault(heads[change.path], []).append(change)
    for change in ordered:
        if change.path not in heads:
            yield (change,)
        elif family := families.pop(heads[change.path], None):
            yield tuple(family)


def _heads(changes: Iterable[Change]) -> dict[str, str]:
    """For each path that shares its file: the one that all names of it lead to."""
    leaders = {change.path: change.leader for change in changes if change.leader}
    heads = {path: _head(path, leaders) for path in leaders}
    return {head: head for head in heads.values()} | heads


def _head(path: str, leaders: Mapping[str, str]) -> str:
    seen = {path}
    while (leader := leaders.get(path)) and leader not in seen:
        seen.add(leader)
        path = leader
    return path
