"""What a sync would do now, without doing it: nothing is changed anywhere, what is written goes to scratch."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Final

from appliance.places import Places
from appliance.run.planning import Planned, Planning
from appliance.run.reach import source_of
from appliance.run.upstreams import Upstreams
from appliance.settings import Settings
from appliance.store import Store, copied
from appliance.sync import prune
from appliance.sync.changes import Change
from appliance.sync.plan import Plan

DEPTH: Final = 2
"""Directories are summed up to there: ``pool/main``, ``dists/stable``."""


@dataclass(frozen=True, slots=True)
class Sum:
    """What happens below one directory; ``.`` is the top, without what has a directory of its own."""

    directory: str
    files: int = 0
    bytes: int = 0
    delete: int = 0


@dataclass(frozen=True, slots=True)
class Forecast:
    """``payload`` and ``index`` are files to fetch, ``bytes`` their size at most, ``delete`` what goes after its grace.

    ``planner`` is journal or walk, ``why`` why it is a walk; ``held_back`` is why nothing would be deleted, empty when
    the guard lets it pass; ``directories`` begin with the one that has most to fetch.
    """

    archive: str
    upstream: str
    planner: str
    why: str
    payload: int
    index: int
    bytes: int
    delete: int
    held_back: str
    directories: tuple[Sum, ...]


async def forecast(settings: Settings, places: Places, name: str, full: bool = False) -> Forecast:
    """Plan a sync of an archive that has an upstream, as a run would. Raises SyncError as a run does."""
    with tempfile.TemporaryDirectory(prefix="forecast-", dir=places.run) as scratch:
        store = copied(places.store, Path(scratch, "store.sqlite3"))
        try:
            chosen = await Upstreams(places, name).choose(settings, store.archive(name).serial)
            planning = Planning(chosen, places, store, name, cache=Path(scratch, "journal"))
            planned = await planning.choose(source_of(chosen, places, name), full or bool(store.repairs(name)))
            return _told(name, str(chosen.archives[name].upstream), planned, store)
        finally:
            store.close()


def _told(name: str, upstream: str, planned: Planned, store: Store) -> Forecast:
    known = store.doomed(name)
    work: Plan = planned.plan if planned.plan.whole else planned.plan.besides(known)
    guard = prune.Guard(len(set(work.delete) - known), work.upstream_files)
    return Forecast(
        archive=name,
        upstream=upstream,
        planner=planned.planner,
        why=planned.why,
        payload=work.payload.files,
        index=work.index.files,
        bytes=work.bytes,
        delete=len(work.delete),
        held_back=str(guard) if guard.holds else "",
        directories=tuple(_sums(chain(work.payload, work.index), work.delete)),
    )


def _sums(changes: Iterable[Change], delete: Iterable[str]) -> list[Sum]:
    """One for each directory that something happens in, the one with most to fetch first."""
    counts: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    for change in changes:
        if not change.directory:
            count = counts[_directory(change.path)]
            count[0] += 1
            count[1] += 0 if change.leader else change.size
    for path in delete:
        counts[_directory(path)][2] += 1
    found = (Sum(directory, *count) for directory, count in counts.items())
    return sorted(found, key=lambda one: (-one.bytes, -one.files, one.directory))


def _directory(path: str) -> str:
    return "/".join(path.split("/")[:-1][:DEPTH]) or "."
