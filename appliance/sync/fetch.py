"""Bring what a plan names: payload in place, index into staging."""

from __future__ import annotations

import filecmp
import os
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from appliance import commands
from appliance.meanwhile import meanwhile
from appliance.sync import feed
from appliance.sync.changes import Changes
from appliance.sync.count import FORMAT, Count, Listener, nobody
from appliance.sync.parts import deal, place_of, tidy
from appliance.sync.plan import paths
from appliance.sync.prune import below_link
from appliance.sync.publish import staged
from appliance.sync.quarantine import Quarantine
from appliance.sync.shares import split, streams_for
from appliance.sync.source import Source
from appliance.sync.streams import Streams


@dataclass(frozen=True, slots=True)
class Staging:
    """The directories beside an archive, on its own filesystem, in which its next state is prepared."""

    root: Path

    @property
    def index(self) -> Path:
        """Index files waiting to be published, under their final relative paths."""
        return self.root / "index"

    @property
    def temporary(self) -> Path:
        """Where rsync writes a file before it renames it into place; readers never see it."""
        return self.root / "tmp"

    @property
    def partial(self) -> Path:
        """What an interrupted transfer leaves, so that the next one resumes: a directory for each share of a list."""
        return self.root / "partial/payload"

    @property
    def partial_index(self) -> Path:
        """The same of index files: both may be fetched at the same time, and neither knows the parts of the other."""
        return self.root / "partial/index"

    @property
    def journal(self) -> Path:
        """What was fetched of the upstream's journal."""
        return self.root / "journal"

    @property
    def quarantine(self) -> Path:
        """Updates that were refused."""
        return self.root / "quarantine"

    def prepare(self) -> None:
        """Make the directories; clear what a dead rsync left half-written (resumable parts are kept)."""
        for directory in (self.index, self.temporary, self.partial, self.partial_index):
            directory.mkdir(parents=True, exist_ok=True)
        for left in os.scandir(self.temporary):
            if left.is_file(follow_symlinks=False) or left.is_symlink():
                os.unlink(left.path)

    def forget_partial(self) -> None:
        """After a good run: what it left half-fetched belongs to files that nobody wants any more."""
        shutil.rmtree(self.root / "partial", ignore_errors=True)

    def keep_only(self, names: Iterable[str]) -> None:
        """Drop what an earlier plan staged and this one does not name; the rest saves bytes."""
        wanted = set(names)
        for name in staged(self.index):
            if name not in wanted:
                os.unlink(self.index / name)
        # A directory says something too, where a file is published.
        for directory, _, _ in os.walk(self.index, topdown=False):
            if Path(directory) != self.index and not os.listdir(directory):
                os.rmdir(directory)

    def drop_known(self, tree: Path) -> None:
        """Drop the files that are in the tree already, the same in content, time and mode.

        What a link in the tree shows is not there: a directory takes the place of the link.
        """
        filecmp.clear_cache()  # it takes files of one size and time for those it has seen before
        for name in staged(self.index):
            if not below_link(tree, name) and _same(self.index / name, tree / name):
                os.unlink(self.index / name)


def _same(one: Path, other: Path) -> bool:
    if one.is_symlink() or other.is_symlink():
        return one.is_symlink() and other.is_symlink() and one.readlink() == other.readlink()
    if not other.is_file():
        return False
    a, b = one.stat(), other.stat()
    facts_agree = (a.st_size, int(a.st_mtime), a.st_mode) == (b.st_size, int(b.st_mtime), b.st_mode)
    return facts_agree and filecmp.cmp(one, other, shallow=False)


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
    one = replace(source, bwlimit=source.bwlimit // min(streams, len(shares) or 1))

    async def fetch(number: int) -> int:
        part = place_of(parts, shares[number])
        tidy(part, shares[number])
        # Names in the temporary directory are rsync's own, so all may share it; those of parts are not.
        aside = [f"--temp-dir={temporary}", f"--partial-dir={part}"]
        return await _share(one, paths(shares[number]), [*aside, *options], target, Listener(count, heed))

    received = await Streams(len(shares), fetch, source.url).run(streams)
    count.settle()  # when all streams have ended, not before
    return received


async def _share(source: Source, names: list[str], options: list[str], target: Path, heard: Listener) -> int:
    # No plan names a link that leaves the tree; one that became such meanwhile is not taken either.
    fixed = (*feed.OPTIONS, "--safe-links", "--stats", "--no-human-readable", FORMAT)
    argv = source.argv(*fixed, *options, target=target)
    names_fed = feed.feed(names)
    deadline, environment = source.deadline, source.environment
    outcome = await commands.run(argv, deadline=deadline, env=environment, feed=names_fed, on_line=heard.line)
    heard.end()
    if not outcome.ok:
        raise source.failure("cannot fetch from", outcome)
    return heard.received
