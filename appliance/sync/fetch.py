"""Bring what a plan names: payload in place, index into staging."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from appliance import commands
from appliance.errors import SyncError
from appliance.meanwhile import meanwhile
from appliance.sync import feed, relay
from appliance.sync.changes import Changes
from appliance.sync.count import FORMAT, Count, Listener, nobody
from appliance.sync.parts import deal, place_of, tidy
from appliance.sync.plan import paths
from appliance.sync.quarantine import Quarantine
from appliance.sync.shares import split, streams_for
from appliance.sync.source import Source
from appliance.sync.staging import Staging
from appliance.sync.streams import Streams


def is_brief(changes: Changes) -> bool:
    """Whether it is fetched so soon that one stream is enough."""
    return streams_for(changes, 2) == 1


async def payload(
    source: Source,
    staging: Staging,
    tree: Path,
    changes: Changes,
    count: Count,
    heed: Callable[[str], None] = nobody,
) -> int:
    """Fetch new payload into the tree, each file complete or absent, and count it; returns the bytes received.

    ``heed`` is told the path of each file that came, when it is in its place; it may be told of one that is not.

    What was refused last is taken from quarantine when size and time are the same: whether it is still wrong is found
    again by who asks, and what is asked for again by name comes from the upstream. Raises SyncError; with the verdict
    MOVED when the upstream no longer has what the plan named.
    """
    kept = Quarantine(staging.quarantine).newest()
    held = [f"--copy-dest={kept.files}"] if kept and kept.files.is_dir() else []
    return await _fetch(source, (staging.temporary, staging.partial), changes, held, tree, count, heed)


async def index(source: Source, staging: Staging, tree: Path, changes: Changes, count: Count) -> int:
    """Fetch index files into staging, where all of them are afterwards, and count them; returns the bytes received.

    Size and time are not trusted (``--ignore-times``): what we hold only saves bytes on the wire. Raises as
    ``payload``.
    """
    options = ["--ignore-times", f"--compare-dest={tree}"]
    return await _fetch(source, (staging.temporary, staging.partial_index), changes, options, staging.index, count)


async def _fetch(
    source: Source,
    beside: tuple[Path, Path],
    changes: Changes,
    options: list[str],
    target: Path,
    count: Count,
    heed: Callable[[str], None] = nobody,
) -> int:
    """In as many streams as pay; the bandwidth is divided among them."""
    temporary, parts = beside
    streams = streams_for(changes, source.streams, source.bwlimit)
    shares = await meanwhile(lambda: deal(parts, split(changes, streams)))
    transport = source.transport if is_brief(changes) else source.transport.direct
    one = replace(source, transport=transport, bwlimit=source.bwlimit // min(streams, len(shares) or 1))

    async def fetch(number: int) -> int:
        part = place_of(parts, shares[number])
        tidy(part, shares[number])
        # Names in the temporary directory are rsync's own, so all may share it; those of parts are not.
        aside = [f"--temp-dir={temporary}", f"--partial-dir={part}"]
        over = count.over.set if len(shares) == 1 else relay.nobody
        try:
            return await _share(one, paths(shares[number]), [*aside, *options], target, Listener(count, heed), over)
        except SyncError:
            count.troubled = True
            raise

    if not shares:
        count.over.set()
    received = await Streams(len(shares), fetch, source.url).run(streams)
    count.settle()  # when all streams have ended, not before
    return received


async def _share(
    source: Source, names: list[str], options: list[str], target: Path, heard: Listener, over: Callable[[], None]
) -> int:
    # No plan names a link that leaves the tree; one that became such meanwhile is not taken either.
    fixed = (*feed.OPTIONS, "--safe-links", "--stats", "--no-human-readable", FORMAT)
    names_fed = feed.feed(names)
    async with relay.Relay(source, over) as way:
        argv, environment = way.source.argv(*fixed, *options, target=target), way.source.environment
        outcome = await commands.run(
            argv, deadline=source.deadline, env=environment, feed=names_fed, on_line=heard.line
        )
    heard.end()
    if not outcome.ok:
        raise way.failure("cannot fetch from", outcome)
    return heard.received
