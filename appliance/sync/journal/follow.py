"""What changed upstream since we were there, from the upstream's own journal: costs what changed, not what exists."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from appliance import commands
from appliance.commands import Verdict
from appliance.records import Mark
from appliance.sync import feed
from appliance.sync.journal.delta import Delta, Head, Step, merged
from appliance.sync.journal.journal import KEPT, LARGEST, NEXT, name_of
from appliance.sync.source import Source

MOST_BYTES: Final = 4 * LARGEST
"""Of all that one exchange brings, or one plan is made of: whose changes are more compares everything."""


class Astray(Exception):
    """The journal cannot be followed from where we are; the text says why. A walk finds the way again."""


class Absent(Astray):
    """The upstream keeps no journal; it is no appliance."""


async def look(source: Source, cache: Path) -> Head:
    """Bring the journal's head and its recent deltas to ``cache``, in one exchange; returns the head.

    Raises Astray when there is no journal, or none that we can read, and SyncError when the upstream cannot be reached.
    """
    cache.mkdir(parents=True, exist_ok=True)
    # The head is always fetched as a whole: two of one second may well be of one size.
    for name in ("HEAD", NEXT):
        (cache / name).unlink(missing_ok=True)
    wanted = (f"--include=/{name}" for name in ("HEAD", NEXT, "recent/*.delta"))
    # No other directory: one that is called like a file would stay.
    await _fetch(source, cache, "--recursive", "--delete", "--include=/recent/", "--exclude=*/", *wanted, "--exclude=*")
    try:
        return Head.parse((cache / "HEAD").read_bytes())
    except (OSError, ValueError) as error:
        raise Astray(f"the upstream's journal has no head that we can read: {error}") from None


async def steps(source: Source, cache: Path, head: Head, mark: Mark) -> list[Step]:
    """Everything that changed from ``mark`` to ``head``, merged and sorted by path. Raises as ``look``."""
    if mark.epoch != head.epoch or mark.serial > head.serial:
        raise Astray("the upstream's journal began anew")
    if mark.serial + 1 < head.oldest:
        raise Astray(f"the upstream's journal begins at {head.oldest}, and we are at {mark.serial}")
    if head.serial - mark.serial > KEPT:
        raise Astray(f"the upstream's journal is at {head.serial}, and we are at {mark.serial}")
    wanted = range(mark.serial + 1, head.serial + 1)
    missing = [name_of(serial) for serial in wanted if not (cache / "recent" / name_of(serial)).exists()]
    if missing:
        await _fetch(source, cache, *feed.OPTIONS, names=[f"older/{name}" for name in missing])
    return await asyncio.to_thread(_merge, cache, wanted, head, mark)


def _merge(cache: Path, wanted: Iterable[int], head: Head, mark: Mark) -> list[Step]:
    if sum(_size(cache, serial) for serial in wanted) > MOST_BYTES:
        raise Astray("the upstream's journal tells of too much")
    return merged(_chained([_read(cache, serial) for serial in wanted], head, mark))


def announced(cache: Path, head: Head) -> list[Step]:
    """What the next publication will bring, as far as the upstream has it already; nothing when it tells of nothing."""
    try:
        told = Delta.parse((cache / NEXT).read_bytes())
    except (OSError, ValueError):
        return []
    return list(told.steps) if (told.epoch, told.previous) == (head.epoch, head.digest) else []


def forget(cache: Path) -> None:
    """Drop what was fetched of a journal that led astray."""
    shutil.rmtree(cache, ignore_errors=True)


def _chained(deltas: list[Delta], head: Head, mark: Mark) -> list[Delta]:
    """The deltas, when each follows the one before it without a gap."""
    digest, serial = mark.digest, mark.serial
    for delta in deltas:
        if (delta.epoch, delta.serial, delta.previous) != (head.epoch, serial + 1, digest):
            raise Astray(f"the upstream's journal is broken at {serial + 1}")
        digest, serial = delta.digest, delta.serial
    if (serial, digest) != (head.serial, head.digest):
        raise Astray("the upstream's journal does not lead to its head")
    return deltas


def _read(cache: Path, serial: int) -> Delta:
    for part in ("recent", "older"):
        path = cache / part / name_of(serial)
        if path.is_file() and not path.is_symlink() and path.stat().st_size <= LARGEST:
            try:
                return Delta.parse(path.read_bytes())
            except ValueError as error:
                raise Astray(f"the upstream's journal cannot be read at {serial}: {error}") from None
    raise Astray(f"the upstream's journal has no {serial}")


def _size(cache: Path, serial: int) -> int:
    files = (cache / part / name_of(serial) for part in ("recent", "older"))
    return next((file.stat().st_size for file in files if file.is_file()), 0)


class _Allowance:
    """Counts what comes, and ends what has no end."""

    def __init__(self) -> None:
        self._left = MOST_BYTES

    def take(self, line: bytes) -> None:
        """One file has come: its size."""
        self._left -= int(line) if line.isdigit() else 0
        if self._left < 0:
            raise Astray("the upstream's journal has no end")


async def _fetch(source: Source, cache: Path, *options: str, names: Iterable[str] = ()) -> None:
    argv = source.argv(
        "--times", f"--max-size={LARGEST}", "--no-links", "--no-perms", "--out-format=%l", *options, target=cache
    )
    outcome = await commands.run(
        argv, deadline=source.deadline, env=source.environment, feed=feed.feed(names), on_line=_Allowance().take
    )
    if outcome.ok:
        return
    if "nknown module" in outcome.stderr:
        raise Absent("the upstream has no journal")
    if outcome.code in (23, 24):
        raise Astray("the upstream's journal went away while we looked")
    failure = source.failure("cannot list", outcome)
    if failure.verdict is Verdict.REFUSED:
        # The walk is refused as well, and tells of the archive instead of its journal.
        raise Astray(failure.fact)
    raise failure
