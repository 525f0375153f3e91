"""One look at a mirror, through the path its users take: its serial, its indices, and the traces that it carries."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from appliance import tracefile
from appliance.records import Publication
from appliance.tracefile import Tier, TraceFile
from appliance.tree import indices, sight
from appliance.tree.indices import Judgement
from appliance.tree.reader import Reader

_TRIES: Final = 3
"""Looks at the serial of a mirror that is publishing while we look."""


@dataclass(frozen=True, slots=True)
class Glimpse:
    """What one look saw. ``trace`` is the serial that the mirror tells, ``carried`` the one that its users get.

    ``number`` is that of our publication, where there is no trace. ``chain`` are the mirrors on the way to it, the
    first one's first, itself perhaps among them.
    """

    trace: str | None
    carried: str | None
    consistent: bool | None = None
    traces: tuple[TraceFile, ...] = ()
    chain: tuple[Tier, ...] = ()
    number: int | None = None


async def look(reader: Reader, publications: Sequence[Publication], above: Sequence[str]) -> Glimpse:
    """All of it. ``above`` are the names of mirrors above it, whose trace will do where the master has none.

    Raises OSError when nothing can be seen.
    """
    trace, judged = await _judged(reader, publications, above)
    if trace is None and judged.number is None:
        raise OSError(f"{tracefile.MASTER}: not there, or without a serial")
    return Glimpse(trace, judged.serial, judged.consistent, *_testimony(await _traces(reader)), judged.number)


async def _traces(reader: Reader) -> dict[str, str]:
    """The trace files of a mirror by their names, those of the mirrors on the way first; so many and no more."""
    found = await _named(reader, ["_hierarchy", "_hierarchy.mirror", "_traces"])
    chain = found.get("_hierarchy", found.get("_hierarchy.mirror", ""))
    listed = found["_traces"] if "_traces" in found else await reader.listing()
    names = [tier.name for tier in tracefile.hierarchy(chain)] + tracefile.names(listed)
    return found | await _named(reader, list(dict.fromkeys(filter(tracefile.is_trace, names)))[: tracefile.MOST])


async def _named(reader: Reader, names: Sequence[str]) -> dict[str, str]:
    found = await reader.texts([f"{tracefile.DIRECTORY}/{name}" for name in names])
    return {path.rpartition("/")[2]: text for path, text in found.items()}


def own(tree: Path, serial: str | None) -> Glimpse:
    """The traces that a tree of ours carries, which publishes this serial."""
    directory = tree / tracefile.DIRECTORY
    names: list[str] = []
    with suppress(OSError):  # its volume may not be there
        names = sorted(entry.name for entry in os.scandir(directory))
    wanted = [name for name in names if tracefile.is_trace(name)][: tracefile.MOST]
    texts = {name: text for name in ("_hierarchy", *wanted) if (text := _read(directory / name)) is not None}
    return Glimpse(serial, serial, True, *_testimony(texts))


def _read(file: Path) -> str | None:
    try:
        with file.open("rb") as stream:
            return stream.read(tracefile.LONGEST).decode("utf-8", "replace")
    except OSError:
        return None


def _testimony(texts: Mapping[str, str]) -> tuple[tuple[TraceFile, ...], tuple[Tier, ...]]:
    """The traces among these files, and the mirrors on the way."""
    files = tuple(tracefile.parse(name, text) for name, text in texts.items() if tracefile.is_trace(name))
    chain = tracefile.hierarchy(texts.get("_hierarchy") or texts.get("_hierarchy.mirror", ""))
    return files[: tracefile.MOST], chain


async def is_same(reader: Reader, before: Glimpse, above: Sequence[str]) -> bool:
    """Whether a mirror still tells the serial that it told when all was looked at: a look that costs one small file."""
    return before.trace is not None and await sight.carried(reader, above) == before.trace


async def _judged(
    reader: Reader, publications: Sequence[Publication], above: Sequence[str]
) -> tuple[str | None, Judgement]:
    trace, judged = await sight.carried(reader, above), Judgement(None)
    for _ in range(_TRIES):
        digests = await reader.digests(indices.sentinels(publications, trace))
        judged = indices.judge(publications, trace, digests)
        if judged.consistent is not False or trace == (again := await sight.carried(reader, above)):
            break
        trace = again
    return trace, judged
