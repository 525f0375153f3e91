"""The volume with the archives, while they are written: is it there, is there room, and is there still."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, TypeVar

from appliance import space
from appliance.commands import Verdict
from appliance.errors import SyncError
from appliance.meanwhile import ended
from appliance.places import Places
from appliance.space import Amount, Reserve, Space

EVERY: Final = 1.0
"""Seconds between two looks at a volume that is being written."""

_CURE: Final = "make room, it goes on by itself then; MIRROR_RESERVE says how much is kept free"

_Result = TypeVar("_Result")


class Volume:
    """One volume and all who write to it: what one has been promised is not free for the others."""

    def __init__(self, places: Places, reserve: Reserve) -> None:
        self._data, self._reserve = places.data, reserve
        self._promised: dict[str, Callable[[], Amount]] = {}
        self._too_much: dict[str, Amount] = {}

    def look(self) -> tuple[Space, Amount]:
        """The volume as it is now, and what is kept free of it. Raises SyncError when it cannot even be looked at."""
        try:
            now = space.look(self._data)
        except OSError as error:
            raise _trouble(
                f"the archives' volume cannot be read: {error.strerror}", "see whether its disk is well"
            ) from None
        return now, self._reserve.of(now)

    def check(self, name: str, anew: bool) -> None:
        """Whether a run may begin to write. Raises SyncError: a read-only volume, the reserve touched.

        Or not enough room for what the last run found that it needs; who asks ``anew`` has its need found again.
        """
        now, kept = self.look()
        if now.read_only:
            raise _trouble("the archives' volume is read-only", "see whether its disk is well, then mount it writable")
        if low := self._low(now, kept):
            raise low
        if anew:
            self._too_much.pop(name, None)
        elif name in self._too_much:
            self.fit(name, self._too_much[name])

    @contextmanager
    def promise(self, name: str, need: Amount, outstanding: Callable[[], Amount]) -> Iterator[None]:
        """Keep this much for an update of an archive; ``outstanding`` says how much of it is not used yet."""
        self._promised[name] = lambda: need.least(outstanding())
        try:
            yield
        finally:
            del self._promised[name]

    async def watching(self, work: Coroutine[Any, Any, _Result]) -> _Result:
        """Do this as long as the reserve is not touched: others may write there as well. Raises SyncError then."""
        doing, looking = asyncio.create_task(work), asyncio.create_task(self._until_low())
        try:
            await asyncio.wait((doing, looking), return_when=asyncio.FIRST_COMPLETED)
            if not doing.done():
                raise looking.result()
            return doing.result()
        finally:
            await ended(doing, looking)

    async def _until_low(self) -> SyncError:
        while True:
            await asyncio.sleep(EVERY)
            try:
                now, kept = await asyncio.to_thread(self.look)
            except SyncError as error:
                return error
            if low := self._low(now, kept):
                return low

    def _low(self, now: Space, kept: Amount) -> SyncError | None:
        if kept.fits(now.free):
            return None
        say = _words(kept.bytes > now.free.bytes)
        return _trouble(f"the volume has {say(now.free)}, and {say(kept)} of it are the reserve", _CURE)

    def fit(self, name: str, need: Amount) -> None:
        """Whether there is room for an update of an archive. Raises SyncError, and remembers it."""
        now, kept = self.look()
        others = sum((left() for other, left in self._promised.items() if other != name), Amount())
        if need == Amount() or (need + others + kept).fits(now.free):
            self._too_much.pop(name, None)
            return
        self._too_much[name] = need
        say = _words((need + others + kept).bytes > now.free.bytes)
        more = f", {say(others)} for other archives" if others.bytes else ""
        aside = f"; {say(kept)} of it are the reserve" if kept.bytes else ""
        raise _trouble(f"the volume has {say(now.free)}, the update needs {say(need)}{more}{aside}", _CURE)


def is_gone(places: Places, name: str) -> bool:
    """Whether nothing at all is there of an archive: of one that was published, that is a volume not mounted."""
    return not os.path.isdir(places.staging(name)) and _is_empty(places.archive(name))


def gone(name: str) -> SyncError:
    """What that means, in words."""
    fact = f"the archives' volume is not mounted: {name} was published there, and its directory is empty"
    cure = f"mount it and start the container again; if it shall begin anew: mirrorctl sync {name} --allow-rollback"
    return _trouble(fact, cure)


def _trouble(fact: str, cure: str) -> SyncError:
    return SyncError(fact, cure, Verdict.LOCAL)


def _words(bytes: bool) -> Callable[[Amount], str]:
    """How an amount is told: by what there is too little of."""
    return (lambda amount: space.spell(amount.bytes)) if bytes else (lambda amount: f"{amount.inodes} inodes")


def _is_empty(tree: Path) -> bool:
    """Not where the disk cannot say."""
    try:
        with os.scandir(tree) as entries:
            return next(entries, None) is None
    except FileNotFoundError:
        return True
    except OSError:
        return False
