"""The making of an archive's journal: what a publication touched is noted as it happens, and recorded when it is done.

Only names are noted. What became of each is read from the tree when the publication is complete, so that a crash at any
point, and a repeated step, leave the same record.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import stat
from collections.abc import Container, Iterable
from typing import Final

from appliance.places import Places
from appliance.sync.changes import Changes
from appliance.sync.journal import scan
from appliance.sync.journal.delta import Head, Step
from appliance.sync.journal.journal import Journal
from appliance.sync.profile import TRACE_DIRECTORY

MOST: Final = 50_000
"""Changes of one plan, or between two scans, that are told one by one; after more who follows compares everything."""

_NOT_THERE: Final = (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG, errno.ELOOP)


class Chronicle:
    """Keeps the journal of one archive; ``own_name`` is the name of our trace."""

    def __init__(self, places: Places, name: str, own_name: str) -> None:
        self._tree, self._notes = places.archive(name), places.notes(name)
        self._journal, self._scan = Journal(places.journal(name)), places.scan(name)
        self.roots: list[str] = []
        """What the last scan found that is called like a file readers begin with."""
        self._own = [
            f"{TRACE_DIRECTORY}/{trace}"
            for trace in (own_name, f"{own_name}-stage1", "master", "_hierarchy", "_hierarchy.mirror", "_traces")
        ]

    def note(self, touched: Iterable[tuple[str, str | None]]) -> None:
        """Remember paths of which something becomes now, each with the one it is a hard link to; durable on return.

        Once is enough: runs that fail again and again would fill the volume with it.
        """
        noted = self._noted()
        if noted is not None:
            fresh = (pair for pair in touched if pair not in noted.items())
            self._write(json.dumps(pair) + "\n" for pair in fresh)

    def _write(self, lines: Iterable[str]) -> None:
        """On lines of their own, also behind one that a crash or a full disk has cut short."""
        lines = iter(lines)
        if first := next(lines, None):
            self._notes.parent.mkdir(parents=True, exist_ok=True)
            with self._notes.open("a", encoding="ascii") as file:
                file.write(f"\n{first}")
                file.writelines(lines)
                file.flush()
                os.fsync(file.fileno())

    def note_changes(self, changes: Changes) -> None:
        """Remember what a plan is about to bring; of more than MOST changes only that there were so many.

        The first publication is told by nothing but its being there.
        """
        if len(changes) > MOST or (changes and self._journal.head() is None):
            self.begin_anew()
        else:
            self.note((change.path, change.leader) for change in changes)

    def begin_anew(self) -> None:
        """Remember that the next publication cannot be told from what is known here: it begins an epoch."""
        if self._noted() is not None:
            self._write([json.dumps(None) + "\n"])

    def announce(self) -> None:
        """Tell those below us what a publication will bring that is here already: their stage 1 is about that."""
        noted = self._noted()
        if noted is not None:
            self._journal.announce(self._step(path, leader) for path, leader in noted.items())

    def record(self, paths: int, doomed: Container[str] = ()) -> Head:
        """A publication is complete: write down what it changed. ``paths`` is how many the tree holds.

        What is ``doomed`` is told as gone although it is still here: grace times of several tiers do not add up.
        What was noted is forgotten last: a crash in between records it twice, which does no harm.
        """
        noted = self._noted()
        if noted is None:
            head = self._journal.begin(paths)
        else:
            touched = dict.fromkeys(self._own) | noted
            steps = (
                Step("-", path) if path in doomed else self._step(path, leader) for path, leader in touched.items()
            )
            head = self._journal.append(steps, paths)
        self._notes.unlink(missing_ok=True)
        return head

    def record_scan(self) -> Head:
        """At an origin, whose tree others write: what changed since the last publication, found by comparing all."""
        self._scan.parent.mkdir(parents=True, exist_ok=True)
        fresh = self._scan.with_name(f"{self._scan.name}.fresh")
        self.roots.clear()
        paths = scan.write(self._tree, fresh, self.roots.append)
        steps = scan.steps(self._scan, fresh, MOST) if self._scan.exists() else None
        head = self._journal.begin(paths) if steps is None else self._journal.append(steps, paths)
        os.replace(fresh, self._scan)
        return head

    def paths(self) -> int:
        """How many paths the tree held at the last publication; 0 when there was none."""
        head = self._journal.head()
        return head.paths if head else 0

    def _noted(self) -> dict[str, str | None] | None:
        """What was touched, each with the path it is a hard link to; None when it was too much to be told."""
        found: dict[str, str | None] = {}
        with contextlib.suppress(FileNotFoundError), self._notes.open(encoding="ascii") as file:
            for line in file:
                with contextlib.suppress(ValueError):  # empty, or cut short: then nothing was done under that name
                    noted = json.loads(line)
                    if noted is None:
                        return None
                    found[noted[0]] = noted[1]
        return found

    def _step(self, path: str, leader: str | None) -> Step:
        try:
            status = os.lstat(f"{self._tree}/{path}")
        except OSError as error:
            if error.errno not in _NOT_THERE:
                raise
            return Step("-", path)
        if stat.S_ISDIR(status.st_mode):
            return Step("d", path)
        if stat.S_ISLNK(status.st_mode):
            return Step("l", path, status.st_size, os.readlink(self._tree / path))
        other = leader if leader and self._same(status, leader) else None
        return Step("+", path, status.st_size, other, int(status.st_mtime))

    def _same(self, status: os.stat_result, leader: str) -> bool:
        with contextlib.suppress(OSError):
            return os.path.samestat(status, (self._tree / leader).lstat())
        return False
