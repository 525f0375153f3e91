"""What must change, as lists of paths: the walk planner, one ``rsync --dry-run`` over both trees."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import Final

from appliance import commands
from appliance.sync.changes import NONE, Change, Changes, Collector
from appliance.sync.profile import HIERARCHY, UPDATING, Kind, Profile, kind_of
from appliance.sync.prune import below_link, held
from appliance.sync.refused import NOTHING, Refusals, Refused, Why, why
from appliance.sync.source import Source
from appliance.sync.standing import Ground, Standing

_END: Final = "\x01"
_SHOWN_END: Final = "\\#001"
"""Between a name and what rsync says about it as a link; shown as rsync shows it. No name we take has it."""
_ITEM: Final = re.compile(r"^(?P<item>[<>ch.*][fdLDS](?P<flags>.{9})|\*deleting  ) (?P<size>\d+) (?P<rest>.+)$")
_NO_FILE: Final = re.compile(r'^skipping non-regular file "(?P<path>.+)"$')
_TOTAL: Final = re.compile(r"^Number of files: (\d+)")
_ESCAPE: Final = re.compile(r"\\#([0-3][0-7]{2})")


@dataclass(frozen=True, slots=True)
class Plan:
    """What one sync has to do. Every list is sorted by path: rsync is eight times slower on unsorted ones (BASELINE).

    ``upstream_files`` counts every path the upstream shows us, which is what guards measure a shrinking against;
    ``updating`` names the flags with which it says that its tree is being changed; ``refused`` is what it shows and we
    do not take. Without ``whole`` it is what changed since we were there, and says nothing of the rest. ``twins`` are
    index files, each with its time, whose content is likely to come under another name (``sync.twins``).
    """

    payload: Changes = NONE
    index: Changes = NONE
    delete: tuple[str, ...] = ()
    upstream_files: int = 0
    updating: tuple[str, ...] = ()
    refused: Refused = NOTHING
    whole: bool = True
    twins: Mapping[str, int] = field(default_factory=dict)

    @property
    def bytes(self) -> int:
        """Upper bound of the bytes to fetch."""
        return self.payload.bytes + self.index.bytes

    def insisting_on(self, paths: Iterable[str], tree: Path) -> Plan:
        """This plan, and these index files whatever their size and time say; not those that are gone or refused.

        They may be as large as those that the tree holds.
        """
        wanted = {path for path in set(paths) - set(self.delete) if not why(path)}
        wanted -= {change.path for change in self.index.among(wanted)}
        more = (Change(path, _size(tree / path), new=False) for path in wanted)
        return replace(self, index=Changes.of(chain(self.index, more))) if wanted else self

    def offered(self, tree: Path, asked: Collection[str]) -> list[str]:
        """Those of the paths that are files upstream, sorted: what a walk does not tell of is on both sides."""
        told = {change.path for change in self.among(set(asked)) if not change.directory}
        gone = set(self.delete)
        return sorted(path for path in asked if path in told or (path not in gone and _is_file(tree, path)))

    def besides(self, doomed: Collection[str]) -> Plan:
        """This plan with what was gone upstream before; not what it brings back."""
        gone = {*doomed, *self.delete}
        return replace(self, delete=tuple(sorted(gone - {change.path for change in self.among(gone)})))

    def sparing(self, tree: Path) -> Plan:
        """This plan without what would take the place of a directory that we hold something in."""
        return replace(self, index=self.index.only(lambda change: not _buries(tree / change.path, change)))

    def among(self, paths: Collection[str]) -> list[Change]:
        """The changes of these paths, payload and index."""
        return [*self.payload.among(paths), *self.index.among(paths)]

    @property
    def empty(self) -> bool:
        """True when there is nothing to fetch but the chain of mirrors above us, to which everyone adds a line."""
        return not self.payload and all(change.path == HIERARCHY for change in self.index)


class Reader:
    """Turns the lines of an itemized dry run into a plan, as they come; the tree does not change meanwhile."""

    def __init__(self, profile: Profile, tree: Path) -> None:
        self._profile, self._tree, self._ground = profile, tree, Ground(tree)
        self._refusals = Refusals()
        self._payload, self._index = Collector(), Collector()
        self._leaders: set[str] = set()
        self._delete: list[str] = []
        self._updating: list[str] = []
        self.differ = 0
        """Paths that differ so far."""
        self.seen = 0
        """Paths so far: all that differ, and at the end every one that the upstream has."""

    def line(self, raw: bytes) -> None:
        """Take one line of rsync's standard output (bytes, without the newline); what is no item is left aside."""
        text = raw.decode("utf-8", "surrogateescape")
        if item := _ITEM.match(text):
            self.differ += 1
            self._item(item)
        elif skipped := _NO_FILE.match(text):
            self.seen += 1
            self._refuse(unescape(skipped["path"]), Why.KIND)
        elif total := _TOTAL.match(text):
            self.seen = max(0, int(total[1]) - 1)  # rsync counts the root itself

    def plan(self) -> Plan:
        """The plan made of everything read so far; the last call."""
        index = self._index.changes()
        payload = self._payload.changes()
        # rsync links a file only to one that is in the same list. Only payload may lead that is taken and not about to
        # change: an index would become visible before its time.
        known = {change.path for changes in (payload, index) for change in changes.among(self._leaders)}
        for leader in self._leaders - known:
            if kind_of(self._profile, leader) is Kind.PAYLOAD:
                self._put(Change(leader, 0, new=False), early=True)
        return Plan(
            self._payload.changes(), self._index.changes(), tuple(sorted(set(self._delete))), self.seen,
            tuple(self._updating), self._refusals.seen,
        )  # fmt: skip

    def _item(self, item: re.Match[str]) -> None:
        if item["item"].startswith("*"):
            self.gone(unescape(item["rest"].removesuffix(_SHOWN_END)).rstrip("/"))
            return
        change, target = _change(item)
        if change.path in ("", "."):
            return
        self.seen += 1
        self.take(change, target)

    def gone(self, path: str) -> None:
        """The upstream has it no more."""
        self._delete.append(path)

    def take(self, change: Change, target: str | None = None) -> None:
        """Put a change where it belongs; ``target`` is where it points if it is a link."""
        if reason := why(change.path, target):
            self._refuse(change.path, reason)
            return
        if change.path.startswith(UPDATING):
            self._updating.append(change.path)
            return
        # A path that exists and changes is read by somebody now: it is replaced as index files are, all at once.
        kind = kind_of(self._profile, change.path)
        if change.leader and why(change.leader):
            change = replace(change, leader=None)  # that one does not come
        self._put(change, early=change.directory or (kind is Kind.PAYLOAD and change.new))

    def _put(self, change: Change, early: bool) -> None:
        """Into the plan, as payload when it may come ``early``.

        What is a link here and a directory there, or the other way round, is visible now: it is replaced when
        everything is, and nothing is written through a link.
        """
        if early and not _turns(self._ground, change):
            self._payload.add(change)
            if change.leader:
                self._leaders.add(change.leader)
        else:
            self._index.add(change)

    def _refuse(self, path: str, reason: Why) -> None:
        """What we hold under that name is gone upstream, to us; so deep we hold nothing."""
        self._refusals.add(path, reason)
        if reason is not Why.DEPTH and self._ground.at(path) is not Standing.NOTHING:
            self._delete += held(self._tree, path)


def _change(item: re.Match[str]) -> tuple[Change, str | None]:
    """The change, and where it points if it is a link."""
    what, (name, link) = item["item"], _split(item)
    directory = what[1] == "d"
    change = Change(
        unescape(name).rstrip("/"),
        0 if directory else int(item["size"]),
        new=set(item["flags"]) == {"+"},
        directory=directory,
        leader=unescape(link.removeprefix(" => ")) if what[0] == "h" else None,
    )
    return change, unescape(link.removeprefix(" -> ")) if what[1] == "L" and what[0] != "h" else None


def _split(item: re.Match[str]) -> tuple[str, str]:
    """Name and link; a name with our mark in it stays whole, and is refused for it."""
    parts = item["rest"].split(_SHOWN_END)
    return (parts[0], parts[1]) if len(parts) == 2 else (_SHOWN_END.join(parts[:-1]), parts[-1])


def unescape(name: str) -> str:
    r"""The path behind rsync's ``\#ooo`` notation for bytes it will not print, with surrogates for non-UTF-8 ones."""
    if "\\#" not in name:
        return name
    parts = (part for part in re.split(r"(\\#[0-3][0-7]{2})", name))
    return b"".join(
        bytes([int(part[2:], 8)]) if _ESCAPE.fullmatch(part) else part.encode("utf-8", "surrogateescape")
        for part in parts
    ).decode("utf-8", "surrogateescape")


def harmless(tree: Path, names: Iterable[str]) -> Changes:
    """Those that we would take, and that may come into the tree at any time."""
    ground = Ground(tree)
    changes = (Change(path, 0, new=True) for path in names if not why(path))
    return Changes.of(change for change in changes if not _turns(ground, change))


def _size(file: Path) -> int:
    try:
        return file.lstat().st_size
    except OSError:
        return 0


def _is_file(tree: Path, path: str) -> bool:
    here = tree / path
    return (here.is_symlink() or here.is_file()) and not below_link(tree, path)


def _turns(ground: Ground, change: Change) -> bool:
    """Whether taking the change now would replace something of another kind, or go through a link."""
    standing = ground.at(change.path)
    if change.directory or standing is Standing.NOTHING:
        return standing is Standing.OTHER
    return standing is Standing.DIRECTORY or ground.bars(change.path)


def _buries(here: Path, change: Change) -> bool:
    return not change.directory and here.is_dir() and not here.is_symlink() and any(here.iterdir())


def walk_argv(source: Source, tree: Path) -> list[str]:
    """The command line of one walk: lists every difference and touches nothing.

    With nothing here to compare, the upstream's list comes in one piece: in parts, rsync asks for the next thousand
    paths or so when it is through with some, and waits for the way there and back each time.
    """
    return source.argv(
        "--recursive", *(["--no-inc-recursive"] if is_empty(tree) else []),
        "--dry-run", "--delete", "--delete-excluded", *source.filters(),
        "--stats", "--no-human-readable", f"--out-format=%i %l %n{_END}%L",
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


async def walk(source: Source, tree: Path, profile: Profile, differ: Callable[[int], None] = nobody) -> Plan:
    """Compare the upstream with ``tree`` in one walk of both; changes nothing on disk.

    ``differ`` hears as it goes how many paths differ.

    Raises SyncError with the verdict of rsync's exit code, and when the upstream shows more paths than the source
    allows for. Files that vanish during the walk are no error: the fetch would notice.
    """
    reader = Reader(profile, tree)

    def take(line: bytes) -> None:
        reader.line(line)
        differ(reader.differ)
        if reader.seen > source.max_files:
            raise source.endless()

    outcome = await commands.run(
        walk_argv(source, tree), deadline=source.deadline, env=source.environment, on_line=take, memory=source.memory
    )
    if outcome.code not in (0, 24):
        raise source.failure("cannot list", outcome)
    return await asyncio.to_thread(reader.plan)  # a look at the whole of it when there are hard links


def paths(changes: Iterable[Change]) -> list[str]:
    """Only the names, in their order."""
    return [change.path for change in changes]
