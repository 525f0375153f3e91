"""What is gone upstream: it waits for its end, guarded, and is deleted after its grace time."""

from __future__ import annotations

import asyncio
import math
import os
from collections.abc import AsyncIterator, Collection, Sequence
from pathlib import Path
from typing import Final

from appliance import clock, log
from appliance.meanwhile import meanwhile
from appliance.places import Places
from appliance.run.chronicle import Chronicle
from appliance.store import Store
from appliance.sync import prune
from appliance.sync.plan import Plan

SLICE: Final = 5000
"""Paths that the store takes at a time, in tens of milliseconds: others want to be answered between two of them."""


class Gone:
    """The deletes of one archive."""

    def __init__(self, places: Places, store: Store, chronicle: Chronicle, name: str) -> None:
        self._tree, self._store, self._chronicle, self._name = places.archive(name), store, chronicle, name
        self.holds = False
        """Whether the last plan lost more than may go at once."""
        self._fresh: Sequence[str] = ()
        self._back: Sequence[str] = ()
        self._why = ""

    async def judge(self, work: Plan, allowed: bool) -> Plan:
        """What is gone upstream, to be taken over by ``doom``; returns the plan as it may be carried out.

        When that is suspiciously much, and not ``allowed``, nothing of ours gives way to anything.
        """
        known = await doomed(self._store, self._name)
        if not work.whole:
            work = await meanwhile(work.besides, known)
        fresh, self._back = await meanwhile(_differences, known, work.delete)
        guard = prune.Guard(len(fresh), work.upstream_files)
        self.holds = guard.holds and not allowed
        cure = f"nothing is deleted; if that is right: mirrorctl sync {self._name} --allow-deletes"
        self._why = f"{guard}; {cure}" if self.holds else ""
        self._fresh = () if self.holds else fresh
        return await meanwhile(work.sparing, self._tree) if self.holds else work

    async def doom(self) -> None:
        """Take over what the last plan was judged to have lost, and to have again.

        Cut short it is done by the next run: what has been taken over is known to that, and so is what has not.
        """
        self._note(self._why)
        now = clock.latest()
        await meanwhile(self._chronicle.note, [(path, None) for path in (*self._fresh, *self._back)])
        async for some in _slices(self._fresh):
            self._store.doom(self._name, some, now)
        async for some in _slices(self._back):
            self._store.spare(self._name, some)

    def _note(self, text: str) -> None:
        """Tell when it begins, and keep it in sight as long as it lasts."""
        if text and not self._store.archive(self._name).note:
            log.trouble("deletes are held back", archive=self._name, reason=text)
        self._store.note(self._name, text)

    async def prune(self, grace: float, before: float = math.inf) -> list[str]:
        """Delete what has been gone for ``grace`` seconds, and went before a moment; returns it.

        What cannot go stays, and stops nothing. What was gone at the last publication is in no index of it.
        A clock that was set forward makes nothing go earlier.
        """
        paths = await doomed(self._store, self._name, min(before, clock.earliest() - grace))
        gone = await meanwhile(_deleted, self._tree, paths)
        async for some in _slices(gone):
            self._store.buried(self._name, some)
        return gone


async def doomed(store: Store, name: str, before: float = math.inf) -> set[str]:
    """Every path of an archive that waits for its end, and was gone by a moment; others are served meanwhile."""
    found: set[str] = set()
    after = ""
    while rows := store.next_doomed(name, after, SLICE):
        found.update(path for path, since in rows if since <= before)
        after = rows[-1][0]
        await asyncio.sleep(0)
    return found


def _deleted(tree: Path, paths: Collection[str]) -> list[str]:
    """Delete what can be deleted; returns what is not there any more."""
    prune.delete(tree, paths)
    return [path for path in paths if _is_gone(f"{tree}/{path}")]


def _differences(known: Collection[str], gone: Collection[str]) -> tuple[list[str], list[str]]:
    """What is gone and was not known to be, and what was and is back; both sorted."""
    one, other = set(known), set(gone)
    return sorted(other - one), sorted(one - other)


async def _slices(paths: Sequence[str]) -> AsyncIterator[Sequence[str]]:
    for start in range(0, len(paths), SLICE):
        yield paths[start : start + SLICE]
        await asyncio.sleep(0)


def _is_gone(path: str) -> bool:
    """A disk that cannot say is no reason to forget the path."""
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return False
