"""A plan, made of what an itemized dry run or a journal says of each path."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from appliance.sync.changes import Change, Collector
from appliance.sync.count import nobody
from appliance.sync.itemized import ITEM, NO_FILE, SHOWN_END, TOTAL, change_of, unescape
from appliance.sync.plan import Plan, turns
from appliance.sync.profile import TRACE_DIRECTORY, UPDATING, Kind, Profile, kind_of
from appliance.sync.prune import held
from appliance.sync.refused import Refusals, Why, why
from appliance.sync.standing import Ground, Standing


class Reader:
    """Turns the lines of an itemized dry run into a plan, as they come; the tree does not change meanwhile.

    ``heed`` is told of each path that is to be replaced.
    """

    def __init__(self, profile: Profile, tree: Path, heed: Callable[[str], None] = nobody) -> None:
        self._heed = heed
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
        if item := ITEM.match(text):
            self.differ += 1
            self._item(item)
        elif skipped := NO_FILE.match(text):
            self.seen += 1
            self._refuse(unescape(skipped["path"]), Why.KIND)
        elif total := TOTAL.match(text):
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
            self.gone(unescape(item["rest"].removesuffix(SHOWN_END)).rstrip("/"))
            return
        change, target = change_of(item)
        if change.path in ("", "."):
            return
        self.seen += 1
        self.take(change, target)

    def gone(self, path: str) -> None:
        """The upstream has it no more."""
        self._delete.append(path)

    def take(self, change: Change, target: str | None = None) -> None:
        """Put a change where it belongs; ``target`` is where it points if it is a link."""
        if reason := why(change.path, target) or _bars_traces(change):
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
        if early and not turns(self._ground, change):
            self._payload.add(change)
            if change.leader:
                self._leaders.add(change.leader)
        else:
            self._index.add(change)
            self._heed(change.path)

    def _refuse(self, path: str, reason: Why) -> None:
        """What we hold under that name is gone upstream, to us; so deep we hold nothing."""
        self._refusals.add(path, reason)
        if reason is not Why.DEPTH and self._ground.at(path) is not Standing.NOTHING:
            self._delete += held(self._tree, path)


def _bars_traces(change: Change) -> Why | None:
    """What stands in the way of our trace would be published, and then nothing ever again."""
    bars = not change.directory and f"{TRACE_DIRECTORY}/".startswith(f"{change.path}/")
    return Why.TRACES if bars else None
