"""A plan's files split into lists that several rsyncs can fetch at the same time."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate, chain, pairwise
from typing import Final

from appliance.sync.changes import Change, Changes
from appliance.sync.feed import LONGEST

FILE_COST: Final = 16 << 10
"""Bytes that could have been fetched in the time that a file takes on top of its content: 40 microseconds."""

USUAL: Final = LONGEST * 9 // 10
"""Names in a share of many; of some files are smaller than of others."""

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
    """Shares in the order in which so many streams take them, so that all have their last one at the same moment.

    Each is a range of the list sorted by path, so that a directory is the business of one; but names of one file stay
    together, since rsync links a file only to one that is in its own list. A directory with something in it needs no
    place in a list: rsync makes it.
    """
    needed = Changes.of(_needed(changes))
    if not needed:
        return []
    rounds = -(-len(needed) // (USUAL * streams))
    cuts = list(accumulate(_weights(_weight_of(needed), streams, rounds)))
    return list(_ranges(_families(needed), cuts))


def weight(change: Change) -> int:
    """What fetching it costs, in bytes."""
    return FILE_COST + (change.size if change.leader is None else 0)


def _weight_of(changes: Changes) -> int:
    return len(changes) * FILE_COST + changes.bytes


def _needed(changes: Changes) -> Iterator[Change]:
    """All but directories that come with what is right behind them."""
    for change, following in pairwise(chain(changes, (None,))):
        if change and not (change.directory and following and following.path.startswith(f"{change.path}/")):
            yield change


def _weights(total: int, streams: int, rounds: int) -> list[float]:
    """What each share is to weigh: the same, if every stream has one.

    Else those of the first round differ, and the last ones make up for it: streams that all end at the same moment
    connect anew at the same moment, and nothing comes for more than a second on a path of 50 ms.
    """
    usual = total / (rounds * streams)
    if rounds == 1:
        return [usual] * streams
    parts = [usual * number / streams for number in range(1, streams)]
    return [*parts, *[usual] * (streams * (rounds - 1) + 1), *reversed(parts)]


def _ranges(families: Iterable[list[Change]], cuts: list[float]) -> Iterator[Changes]:
    """A family is where its middle is, on a line of ranges that end at the ``cuts``."""
    share: list[Change] = []
    carried = range_of_share = 0
    for family in families:
        heavy = sum(map(weight, family))
        range_here = bisect_right(cuts, carried + heavy // 2)
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
