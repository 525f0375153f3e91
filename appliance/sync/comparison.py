"""The walk planner: one ``rsync --dry-run`` over both trees."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

from appliance import commands
from appliance.errors import SyncError
from appliance.sync import count
from appliance.sync.itemized import END
from appliance.sync.parting import Parting
from appliance.sync.plan import Plan
from appliance.sync.profile import UPDATING, Profile
from appliance.sync.reader import Reader
from appliance.sync.relay import Relay
from appliance.sync.source import Source

_LAST_WORDS: Final = b"total size is "
"""Of ``--stats`` the last line; said when everything was compared, and by the half of rsync that ends first."""


def walk_argv(source: Source, tree: Path) -> list[str]:
    """The command line of one walk: lists every difference and touches nothing.

    With nothing here to compare, the upstream's list comes in one piece: in parts, rsync asks for the next thousand
    paths or so when it is through with some, and waits for the way there and back each time.
    """
    return source.argv(
        "--recursive", *(["--no-inc-recursive"] if is_empty(tree) else []),
        "--dry-run", "--delete", "--delete-excluded", *source.filters(),
        "--stats", "--no-human-readable", "--outbuf=L", f"--out-format=%i %l %n{END}%L",
        target=tree,
    )  # fmt: skip


def is_empty(tree: Path) -> bool:
    """Whether a tree has nothing in it, or is not there."""
    try:
        with os.scandir(tree) as entries:
            return next(entries, None) is None
    except FileNotFoundError:
        return True


async def updating(source: Source) -> bool:
    """Whether the upstream says that its tree is being changed: a look at the names of its top directory only."""
    argv = ["rsync", *source.options(), "--list-only", f"--include=/{UPDATING}*", "--exclude=*", source.where]
    seen: list[bytes] = []
    outcome = await commands.run(argv, deadline=source.deadline, env=source.environment, on_line=seen.append)
    if not outcome.ok:
        raise source.failure("cannot list", outcome)
    return any(UPDATING.encode() in line for line in seen)


def nobody(_: int) -> None:
    """Who looks on when nobody does."""


async def walk(
    source: Source,
    tree: Path,
    profile: Profile,
    differ: Callable[[int], None] = nobody,
    heed: Callable[[str], None] = count.nobody,
    parting: Parting | None = None,
) -> Plan:
    """Compare the upstream with ``tree`` in one walk of both; changes nothing on disk.

    ``differ`` hears as it goes how many paths differ, ``heed`` which are to be replaced. With a ``parting`` the plan
    holds only if that comes to a good end.

    Raises SyncError with the verdict of rsync's exit code, and when the upstream shows more paths than the source
    allows for. Files that vanish during the walk are no error: the fetch would notice.
    """
    reader, told = Reader(profile, tree, heed), asyncio.Event()
    walking = _walk(source, tree, reader, differ, told)
    await (parting.begin(walking, told) if parting else walking)
    return await asyncio.to_thread(reader.plan)  # a look at the whole of it when there are hard links


async def _walk(source: Source, tree: Path, reader: Reader, differ: Callable[[int], None], told: asyncio.Event) -> None:
    def take(line: bytes) -> None:
        if told.is_set():
            raise SyncError.moved(f"{source.url} goes on behind its last word")
        reader.line(line)
        differ(reader.differ)
        if reader.seen > source.max_files:
            raise source.endless()
        if line.startswith(_LAST_WORDS):
            told.set()

    async with Relay(source) as relay:
        argv, environment = walk_argv(relay.source, tree), relay.source.environment
        outcome = await commands.run(
            argv, deadline=source.deadline, env=environment, on_line=take, memory=source.memory
        )
    if outcome.code not in (0, 24):
        raise relay.failure("cannot list", outcome)
