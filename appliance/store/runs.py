"""What was done about requests, how it ended, and what all of it comes to."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

from appliance.records import Request, Run
from appliance.store.database import Database


class Runs(Database):
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
        """End a run with its result, what went wrong, and its figures (serial, payload, indices, deleted, bytes)."""
        names = "".join(f", {name} = ?" for name in figures)
        with self._transaction():
            self._db.execute(
                f"update run set result = ?, ended = ?, error = ?{names} where id = ?",
                (result, now, error, *figures.values(), run),
            )
            failed = "failures + 1" if result == "error" else "0"
            self._db.execute(
                "insert into archive (name, failures) select archive, ? from run where id = ?"
                f" on conflict (name) do update set failures = {failed}",
                (int(result == "error"), run),
            )

    def interrupt(self, now: float) -> list[Run]:
        """At start: end the runs that a crash left open. Their requests are still unanswered and will run again."""
        with self._transaction():
            rows = self._all("select * from run where ended is null")
            self._db.execute(
                "update run set ended = ?, result = 'error', error = 'interrupted' where ended is null", (now,)
            )
        return [_run(row) for row in rows]

    def run(self, id: int) -> Run | None:
        """One run, or None when it is unknown."""
        return next((_run(row) for row in self._all("select * from run where id = ?", id)), None)

    def last_run(self, archive: str) -> Run | None:
        """The newest run of an archive, running or ended."""
        rows = self._all("select * from run where archive = ? order by id desc limit 1", archive)
        return next((_run(row) for row in rows), None)

    def last_error(self, archive: str) -> str:
        """What went wrong with the last run that has ended; empty when it was good, or there was none."""
        query = "select error from run where archive = ? and ended is not null order by id desc limit 1"
        return next((str(row[0]) for row in self._all(query, archive)), "")

    def count_runs(self, archive: str) -> int:
        """How many runs the archive has had."""
        return int(self._all("select count(*) from run where archive = ?", archive)[0][0])

    def results(self) -> dict[tuple[str, str, str], int]:
        """Ended runs by archive, kind and result."""
        rows = self._all("select archive, kind, result, count(*) from run where ended is not null group by 1, 2, 3")
        return {(row[0], row[1], row[2]): row[3] for row in rows}

    def bytes_fetched(self, archive: str) -> int:
        """Bytes that all runs of an archive have received."""
        return int(self._all("select coalesce(sum(bytes), 0) from run where archive = ?", archive)[0][0])


def _run(row: sqlite3.Row) -> Run:
    return Run(**dict(row))
