"""A plan's files split into lists that several rsyncs can fetch at the same time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from appliance.sync.changes import Change, Changes
from appliance.sync.feed import LONGEST

FILE_COST: Final = 16 << 10
"""Bytes that could have been fetched in the time that a file takes on top of its content: 40 microseconds."""

WORTH: Final = 16 << 20
"""Bytes of a share for which another connection pays: it begins with half a second of round trips and slow start on a
path of 50 ms, in which a running one moves as much."""


def streams_for(changes: Changes, most: int, bwlimit: int = 0) -> int:
    """How many rsyncs at a time pay for these changes, ``most`` at most, at least one.

    ``bwlimit`` is KiB/s for all together, 0 for none: one that a single stream reaches is not worth a second.
    """
    worth = _weight_of(changes) // WORTH
    if bwlimit:
        worth = min(worth, (bwlimit << 10) // WORTH)
    return max(1, min(most, worth))


def split(changes: Changes, streams: int) -> list[Changes]:
    """Shares of about the same weight, a multiple of ``streams`` in number where their length allows it.

    Each is a range of the list sorted by path, so that a directory is the business of one; but names of one file stay
    together, since rsync links a file only to one that is in its own list.
    """
    if not changes:
        return []
    rounds = -(-len(changes) // (LONGEST * streams))
    return list(_ranges(_families(changes), -(-_weight_of(changes) // (rounds * streams))))


def weight(change: Change) -> int:
    """What fetching it costs, in bytes."""
    return FILE_COST + (change.size if change.leader is None else 0)


def _weight_of(changes: Changes) -> int:
    return len(changes) * FILE_COST + changes.bytes


def _ranges(families: Iterable[list[Change]], target: int) -> Iterator[Changes]:
    """A family is where its middle is, on a line of ranges of the same weight."""
    share: list[Change] = []
    carried = range_of_share = 0
    for family in families:
        heavy = sum(map(weight, family))
        range_here = (carried + heavy // 2) // target
        if share and (range_here != range_of_share or len(share) + len(family) > LONGEST):
            yield Changes.of(share)
            share = []
        share += family
        carried, range_of_share = carried + heavy, range_here
    yield Changes.of(share)


def _families(changes: Changes) -> Iterator[list[Change]]:
    """The changes in their order, but those that are names of one file right behind the first of them."""
    heads = _heads(changes)
    families: dict[str, list[Change]] = {}
    for change in changes.among(heads):
        families.setdefault(heads[change.path], []).append(change)
    for change in changes:
        if change.path not in heads:
            yield [change]
        elif family := families.pop(heads[change.path], None):
            yield family


def _heads(changes: Changes) -> dict[str, str]:
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
