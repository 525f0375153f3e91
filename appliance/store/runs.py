"""What was done about requests, how it ended, and what all of it comes to."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from typing import Final

from appliance.records import Request, Run
from appliance.store.timings import RUN, STAGE, Timings

KEPT: Final = 1000
"""Ended runs that are kept of each archive."""


_FULL: Final = (
    "select r.result from run as r where r.archive = archive.name and r.kind != 'stage1' and r.ended is not null"
    " order by r.id desc limit 1"
)
"""How the last run ended that was to publish."""

_LAST: Final = (
    "from run where archive = ? and ended is not null and (result = 'error' or kind != 'stage1'"
    " or (select failures from archive where name = run.archive) = 0) order by id desc limit 1"
)
"""The last run that says how things are: payload that came behind a failure changes nothing."""


class Runs(Timings):
    """The table of runs."""

    def begin(self, archive: str, kind: str, trigger: str, requests: Iterable[Request], now: float) -> int:
        """Start a run for these requests; returns its number."""
        with self._transaction():
            run = self._db.execute(
                "insert into run (archive, kind, trigger, started) values (?, ?, ?, ?)", (archive, kind, trigger, now)
            ).lastrowid
            self._db.executemany("update request set run = ? where id = ?", [(run, r.id) for r in requests])
        assert run is not None
        return run

    def end(self, run: int, result: str, now: float, error: str = "", **figures: int | str | None) -> None:
        """End a run with its result, what went wrong, and figures (cause, serial, payload, indices, deleted, bytes).

        The last KEPT runs of an archive stay; what all of them come to is counted, and never goes back. Payload alone
        does not make good that nothing could be published.
        """
        names = "".join(f", {name} = ?" for name in figures)
        with self._transaction():
            self._db.execute(
                f"update run set result = ?, ended = ?, error = ?{names} where id = ?",
                (result, now, error, *figures.values(), run),
            )
            failed = "failures + 1" if result == "error" else f"iif(({_FULL}) = 'error', failures, 0)"
            self._db.execute(
                "insert into archive (name, failures) select archive, ? from run where id = ?"
                f" on conflict (name) do update set failures = {failed}",
                (int(result == "error"), run),
            )
            self._count(run)

    def interrupt(self, now: float, archive: str | None = None) -> list[Run]:
        """End the runs that were left open, of one archive or of all: by a crash, or a store that could not be written.

        Their requests are still unanswered and will run again.
        """
        with self._transaction():
            rows = self._all("select * from run where ended is null and archive = coalesce(?, archive)", archive)
            for row in rows:
                self._db.execute(
                    "update run set ended = ?, result = 'error', error = 'interrupted', cause = 'interrupted'"
                    " where id = ?",
                    (now, row["id"]),
                )
                self._count(row["id"])
        return [_run(row) for row in rows]

    def _count(self, run: int) -> None:
        """Add an ended run to the tally, and drop the oldest; not one whose publication is still to be finished."""
        self._db.execute(
            "insert into tally select archive, kind, result, 1, bytes from run where id = ?"
            " on conflict do update set runs = runs + 1, bytes = bytes + excluded.bytes",
            (run,),
        )
        row = self._all("select * from run where id = ?", run)[0]
        self._time(RUN, row["archive"], row["kind"], row["result"], row["ended"] - row["started"])
        self._db.execute(
            "delete from run where archive = (select archive from run where id = ?) and ended is not null and id <="
            " (select r.id from run as r where r.archive = run.archive order by r.id desc limit 1 offset ?)"
            " and id not in (select publishing from archive where publishing is not null)",
            (run, KEPT),
        )

    def run(self, id: int) -> Run | None:
        """One run, or None when it is unknown."""
        return next((_run(row) for row in self._all("select * from run where id = ?", id)), None)

    def runs(self, archive: str | None = None, before: int | None = None, limit: int = 50) -> list[Run]:
        """Runs of one archive, or of all, newest first; those older than the run ``before``, at most ``limit``."""
        query = (
            "select * from run where archive = coalesce(?, archive) and id < coalesce(?, id + 1)"
            " order by id desc limit ?"
        )
        return [_run(row) for row in self._all(query, archive, before, limit)]

    def last_run(self, archive: str) -> Run | None:
        """The newest run of an archive, running or ended."""
        rows = self._all("select * from run where archive = ? order by id desc limit 1", archive)
        return next((_run(row) for row in rows), None)

    def last_error(self, archive: str) -> str:
        """What went wrong with the last run that has ended; empty when it was good, or there was none."""
        return next((str(row[0]) for row in self._all(f"select error {_LAST}", archive)), "")

    def last_cause(self, archive: str) -> str:
        """What kind of trouble the last run that has ended was in; empty when in none."""
        return next((str(row[0]) for row in self._all(f"select cause {_LAST}", archive)), "")

    def in_a_row(self, archive: str, cause: str) -> int:
        """How many of the newest ended runs have failed for the same cause, without another end between them."""
        query = (
            "select count(*) from run where archive = ? and ended is not null and id >"
            " (select coalesce(max(id), 0) from run where archive = ? and ended is not null and cause != ?)"
        )
        return int(self._all(query, archive, archive, cause)[0][0])

    def last_ended(self, archive: str) -> int | None:
        """The number of the run that ``last_error`` is about."""
        return next((row[0] for row in self._all(f"select id {_LAST}", archive)), None)

    def last_good(self, archive: str) -> float | None:
        """When the newest good run ended that was to publish; None when there was none."""
        query = "select max(ended) from run where archive = ? and result != 'error' and kind != 'stage1'"
        return next((row[0] for row in self._all(query, archive)), None)

    def count_runs(self, archive: str) -> int:
        """How many runs the archive has had."""
        query = (
            "select coalesce((select sum(runs) from tally where archive = ?), 0)"
            " + (select count(*) from run where archive = ? and ended is null)"
        )
        return int(self._all(query, archive, archive)[0][0])

    def spent(self, archive: str, stages: Mapping[str, float], planner: str, files: int, bytes: int) -> None:
        """Count what a run has spent on each stage (seconds), and how large a plan it had; ``planner`` empty: none."""
        with self._transaction(lasting=False):
            for stage, seconds in stages.items():
                self._time(STAGE, archive, stage, "", seconds)
            if planner:
                self._db.execute(
                    "insert into planned values (?, ?, 1, ?, ?) on conflict do update set plans = plans + 1,"
                    " files = files + excluded.files, bytes = bytes + excluded.bytes",
                    (archive, planner, files, bytes),
                )

    def plans(self) -> dict[tuple[str, str], tuple[int, int, int]]:
        """How many plans each planner has made for each archive, and the files and bytes that they were about."""
        return {(row[0], row[1]): (row[2], row[3], row[4]) for row in self._all("select * from planned")}

    def results(self) -> dict[tuple[str, str, str], int]:
        """Ended runs by archive, kind and result."""
        return {(row[0], row[1], row[2]): row[3] for row in self._all("select * from tally")}

    def bytes_fetched(self, archive: str) -> int:
        """Bytes that all runs of an archive have received."""
        return int(self._all("select coalesce(sum(bytes), 0) from tally where archive = ?", archive)[0][0])


def _run(row: sqlite3.Row) -> Run:
    return Run(**dict(row))
