"""What interrupted fetches left half done, found again by whichever share wants it next time.

rsync keeps a part under its file's own name without the directory, and offers it to every file of that name: when two
of one list take it, the transfer ends with a protocol error ("block match with no basis file"). It also writes on in a
part that it finds, which two at a time must not do. So each share keeps its parts in a directory of its own, and a part
is offered to one file only.
"""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

from appliance.sync.changes import Change, Changes

_DIGITS: Final = 24


def place_of(parts: Path, share: Changes) -> Path:
    """Where a share keeps the files that it fetched half: named after the first, which is in no other share."""
    return parts / hashlib.sha256(os.fsencode(share.first.path)).hexdigest()[:_DIGITS]


def deal(parts: Path, shares: Sequence[Changes]) -> list[Changes]:
    """Give each part below ``parts`` to the first file that it can be of, which becomes a share of its own.

    A stream works through its list in order, and what it finished is in no plan any more: so it is the first one. A
    part of another file costs nothing, as what does not fit is fetched. What no file wants is dropped.
    """
    left = list(parts.glob("*/*"))
    if not left:
        return list(shares)
    wanted = _wanted({path.name for path in left}, shares)
    # Who has one already comes first: nothing is moved to where another part still is.
    left.sort(key=lambda path: (_owner(path, wanted) is None, -path.lstat().st_size))
    alone: list[Change] = []
    for path in left:
        if taker := _taker(path, wanted):
            place = place_of(parts, Changes.of([taker]))
            place.mkdir(exist_ok=True)
            os.replace(path, place / path.name)
            wanted[path.name].remove(taker)
            alone.append(taker)
        else:
            path.unlink()
    taken = {change.path for change in alone}
    rest = (share.only(lambda change: change.path not in taken) for share in shares)
    return [*(Changes.of([change]) for change in alone), *filter(None, rest)]


def _taker(part: Path, wanted: Mapping[str, list[Change]]) -> Change | None:
    """The file that takes a part: its owner, else the first that it fits; what is larger than a file is none of it."""
    size = part.lstat().st_size
    fitting = [change for change in wanted.get(part.name, ()) if not change.size or change.size >= size]
    owner = _owner(part, wanted)
    return owner if owner in fitting else next(iter(fitting), None)


def _owner(part: Path, wanted: Mapping[str, list[Change]]) -> Change | None:
    """The file that a part was left of, where that is known: it came as a share of its own, or as the first of one."""
    candidates = wanted.get(part.name, ())
    return next((one for one in candidates if place_of(part.parents[1], Changes.of([one])) == part.parent), None)


def _wanted(names: set[str], shares: Iterable[Changes]) -> dict[str, list[Change]]:
    """By file name: who could take a part of that name. A file with several names stays with them."""
    found: dict[str, list[Change]] = {}
    for share in shares:
        leaders = {change.leader for change in share}
        for change in share:
            if (name := os.path.basename(change.path)) in names and not change.leader and change.path not in leaders:
                found.setdefault(name, []).append(change)
    return found


def tidy(place: Path, share: Changes) -> None:
    """Before a share is fetched once more: drop the parts that several of its files would take."""
    if len(share) == 1 or not place.is_dir():
        return
    often = Counter(os.path.basename(change.path) for change in share)
    for name in os.listdir(place):
        if often[name] > 1:
            (place / name).unlink()
