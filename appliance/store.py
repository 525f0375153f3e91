"""The appliance's only state: requests, runs, publications, deletes in waiting and deliveries, in one SQLite file.

A request is on disk before it is acknowledged; what is true after a crash is what this file says. Times are epoch
seconds.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from appliance.records import ArchiveState, Delivery, Mark, Request, Run

SCHEMA: Final = 1
"""Version of the tables below, kept in the file itself."""

_TABLES: Final = """
create table request (
    id text primary key, archive text not null, stage text not null, mhop integer not null, source text not null,
    by text not null, received real not null, due real not null, callback integer not null default 0,
    allow_deletes integer not null default 0, allow_rollback integer not null default 0,
    full integer not null default 0,
    run integer, code integer, answer text, answered real
);
create index request_open on request (archive, due) where code is null;
create table run (
    id integer primary key autoincrement, archive text not null, kind text not null, trigger text not null,
    started real not null, ended real, result text, error text not null default '', serial text,
    payload integer not null default 0, indices integer not null default 0, deleted integer not null default 0,
    bytes integer not null default 0
);
create index run_archive on run (archive, id);
create table archive (
    name text primary key, publication integer not null default 0, serial text, published real, signed integer,
    sealed integer, publishing integer, unpublished real, failures integer not null default 0,
    note text not null default '', refused integer not null default 0, refused_paths text not null default '[]',
    audited real, drift integer not null default 0, planner text not null default ''
);
create table doomed (archive text not null, path text not null, since real not null, primary key (archive, path));
create table root (
    archive text not null, path text not null, valid_until real, primary key (archive, path)
) without rowid;
create table repair (archive text not null, path text not null, primary key (archive, path)) without rowid;
create table mark (
    archive text primary key, epoch text not null, serial integer not null, digest text not null, terms text not null
);
create table absence (archive text primary key, since real not null);
create table delivery (
    downstream text not null, archive text not null, publication integer not null, serial text, state text not null,
    attempts integer not null default 0, error text not null default '', next real, since real not null,
    primary key (downstream, archive)
);
"""


class Store:
    """One connection; every method is one transaction, durable when it returns."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.row_factory = sqlite3.Row
        self._db.execute("pragma journal_mode = wal")
        self._db.execute("pragma synchronous = full")
        self._migrate()

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def _migrate(self) -> None:
        with self._transaction():
            if self._db.execute("pragma user_version").fetchone()[0] == 0:
                for statement in _TABLES.split(";"):
                    self._db.execute(statement)
                self._db.execute(f"pragma user_version = {SCHEMA}")

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("begin immediate")
        try:
            yield
        except BaseException:
            self._db.execute("rollback")
            raise
        self._db.execute("commit")

    def _all(self, query: str, *values: Any) -> list[sqlite3.Row]:
        return self._db.execute(query, values).fetchall()

    # requests

    def add(self, requests: Iterable[Request]) -> None:
        """Keep requests; one that is known already is left as it is, so a request may be handed in twice."""
        with self._transaction():
            self._db.executemany(
                "insert or ignore into request (id, archive, stage, mhop, source, by, received, due, callback,"
                " allow_deletes, allow_rollback, full) values (:id, :archive, :stage, :mhop, :source, :by, :received,"
                " :due, :callback, :allow_deletes, :allow_rollback, :full)",
                map(asdict, requests),
            )

    def request(self, id: str) -> Request | None:
        """One request, or None when it is unknown."""
        return next((_request(row) for row in self._all("select * from request where id = ?", id)), None)

    def open_requests(self, archive: str) -> list[Request]:
        """The unanswered requests of an archive, the one that is due first in front."""
        rows = self._all("select * from request where archive = ? and code is null order by due, received", archive)
        return [_request(row) for row in rows]

    def answer(self, requests: Iterable[Request], code: int, text: str = "") -> None:
        """Answer requests for good; the last thousand answered ones are kept for whoever asks again."""
        with self._transaction():
            self._db.executemany(
                "update request set code = ?, answer = ?, answered = ? where id = ?",
                [(code, text, time.time(), r.id) for r in requests],
            )
            self._db.execute(
                "delete from request where code is not null and id not in"
                " (select id from request where code is not null order by answered desc limit 1000)"
            )

    # runs

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

    # publications

    def archive(self, name: str) -> ArchiveState:
        """What an archive carries; an unknown one carries nothing."""
        rows = self._all("select * from archive where name = ?", name)
        return next((_state(row) for row in rows), ArchiveState(name))

    def publishing(
        self, archive: str, run: int, signed: bool | None = None, roots: Mapping[str, float | None] | None = None
    ) -> None:
        """Record that staging is verified and about to become visible; until ``published`` a restart finishes it.

        ``signed`` is None when no index is in it; ``roots`` are the places where readers begin, with the moment until
        which each is valid, None for one without an end.
        """
        with self._transaction():
            self._db.execute(
                "insert into archive (name, publishing, sealed) values (?, ?, ?)"
                " on conflict (name) do update set publishing = excluded.publishing, sealed = excluded.sealed",
                (archive, run, signed),
            )
            self._db.executemany(
                "insert or replace into root (archive, path, valid_until) values (?, ?, ?)",
                [(archive, _text(path), until) for path, until in (roots or {}).items()],
            )

    def published(self, archive: str, serial: str | None, now: float) -> int:
        """Record that the publication is complete; returns its number."""
        with self._transaction():
            self._db.execute(
                "insert into archive (name, publication, serial, published) values (?, 1, ?, ?)"
                " on conflict (name) do update set publication = publication + 1, serial = excluded.serial,"
                " published = excluded.published, signed = coalesce(sealed, signed), sealed = null,"
                " publishing = null, unpublished = null",
                (archive, serial, now),
            )
        return self.archive(archive).publication

    def payload_came(self, archive: str, since: float) -> None:
        """Record that the tree holds payload that no publication has told of yet; the first ``since`` is kept."""
        with self._transaction():
            self._db.execute(
                "insert into archive (name, unpublished) values (?, ?)"
                " on conflict (name) do update set unpublished = coalesce(unpublished, excluded.unpublished)",
                (archive, since),
            )

    def note(self, archive: str, text: str) -> None:
        """Keep one line for people about the archive's state; an empty one takes it back."""
        with self._transaction():
            self._db.execute(
                "insert into archive (name, note) values (?, ?) on conflict (name) do update set note = excluded.note",
                (archive, text),
            )

    def refuse(self, archive: str, count: int, examples: Iterable[str]) -> None:
        """Keep what the last walk left out of what the upstream shows: how many paths, and some of them."""
        with self._transaction():
            self._db.execute(
                "insert into archive (name, refused, refused_paths) values (?, ?, ?)"
                " on conflict (name) do update set refused = excluded.refused, refused_paths = excluded.refused_paths",
                (archive, count, json.dumps([*examples])),
            )

    def roots(self, archive: str) -> dict[str, float | None]:
        """Every place where readers of an archive begin, sorted, and until when it is valid (None: without an end)."""
        rows = self._all("select path, valid_until from root where archive = ? order by path", archive)
        return {_path(row[0]): row[1] for row in rows}

    # the upstream's journal

    def planned(self, archive: str, planner: str) -> None:
        """What made the plan of the run that is under way, for people."""
        with self._transaction():
            self._db.execute(
                "insert into archive (name, planner) values (?, ?)"
                " on conflict (name) do update set planner = excluded.planner",
                (archive, planner),
            )

    def audited(self, archive: str, drift: int, now: float) -> None:
        """Everything was compared with the upstream; ``drift`` paths differed that its journal had not told of."""
        with self._transaction():
            self._db.execute(
                "insert into archive (name, audited, drift) values (?, ?, ?)"
                " on conflict (name) do update set audited = excluded.audited, drift = drift + excluded.drift",
                (archive, now, drift),
            )

    def mark(self, archive: str) -> Mark | None:
        """Where in its upstream's journal an archive is; None when that is not known."""
        rows = self._all("select epoch, serial, digest, terms from mark where archive = ?", archive)
        return next((Mark(*row) for row in rows), None)

    def keep_mark(self, archive: str, mark: Mark) -> None:
        """The tree holds what the upstream's journal tells up to there."""
        with self._transaction():
            self._db.execute(
                "insert or replace into mark values (?, ?, ?, ?, ?)",
                (archive, mark.epoch, mark.serial, mark.digest, mark.terms),
            )
            self._db.execute("delete from absence where archive = ?", (archive,))

    def lose_journal(self, archive: str, now: float) -> None:
        """The upstream has no journal that can be read."""
        with self._transaction():
            self._db.execute("delete from mark where archive = ?", (archive,))
            self._db.execute("insert or replace into absence values (?, ?)", (archive, now))

    def journal_absent(self, archive: str) -> float | None:
        """Since when the upstream is known to have no journal."""
        return next((row[0] for row in self._all("select since from absence where archive = ?", archive)), None)

    # deletes in waiting

    def doom(self, archive: str, paths: Iterable[str], now: float) -> None:
        """Take over the list of paths the upstream no longer has; one that came back is no longer doomed."""
        with self._transaction():
            self._db.execute("create temporary table gone (path text primary key) without rowid")
            self._db.executemany("insert or ignore into gone values (?)", ((_text(path),) for path in paths))
            self._db.execute("delete from doomed where archive = ? and path not in (select path from gone)", (archive,))
            self._db.execute("insert or ignore into doomed select ?, path, ? from gone", (archive, now))
            self._db.execute("drop table gone")

    def doomed(self, archive: str) -> set[str]:
        """Every path that waits for its end."""
        return {_path(row[0]) for row in self._all("select path from doomed where archive = ?", archive)}

    def overdue(self, archive: str, before: float) -> list[str]:
        """The doomed paths that have been gone upstream since ``before`` or longer."""
        rows = self._all("select path from doomed where archive = ? and since <= ? order by path", archive, before)
        return [_path(row[0]) for row in rows]

    def buried(self, archive: str, paths: Iterable[str]) -> None:
        """Forget paths that were deleted."""
        with self._transaction():
            names = [(archive, _text(path)) for path in paths]
            self._db.executemany("delete from doomed where archive = ? and path = ?", names)
            self._db.executemany("delete from root where archive = ? and path = ?", names)

    # repairs

    def repair(self, archive: str, paths: Iterable[str]) -> None:
        """These files are to be fetched again, whatever their size and time say."""
        with self._transaction():
            self._db.executemany(
                "insert or ignore into repair (archive, path) values (?, ?)", [(archive, _text(path)) for path in paths]
            )

    def repairs(self, archive: str) -> list[str]:
        """The files that are to be fetched again."""
        return [_path(row[0]) for row in self._all("select path from repair where archive = ?", archive)]

    def repaired(self, archive: str, paths: Iterable[str]) -> None:
        """Forget files that were fetched again, or that nobody has."""
        with self._transaction():
            self._db.executemany(
                "delete from repair where archive = ? and path = ?", [(archive, _text(path)) for path in paths]
            )

    # deliveries

    def deliver(self, downstream: str, archive: str, publication: int, serial: str | None, now: float) -> None:
        """A downstream is to be told of a publication; an older one that it never heard of is superseded."""
        with self._transaction():
            self._db.execute(
                "insert or replace into delivery (downstream, archive, publication, serial, state, since)"
                " values (?, ?, ?, ?, 'pending', ?)",
                (downstream, archive, publication, serial, now),
            )

    def delivery(self, downstream: str, archive: str) -> Delivery | None:
        """How far a downstream has been told of an archive, None when it never was."""
        rows = self._all("select * from delivery where downstream = ? and archive = ?", downstream, archive)
        return next((Delivery(**dict(row)) for row in rows), None)

    def deliveries(self) -> list[Delivery]:
        """All of them, by downstream and archive."""
        return [Delivery(**dict(row)) for row in self._all("select * from delivery order by downstream, archive")]

    def tell(self, told: Delivery, state: str, error: str = "", next: float | None = None, attempts: int = 0) -> bool:
        """Record how telling a downstream went; False when a newer publication has superseded this one."""
        with self._transaction():
            done = self._db.execute(
                "update delivery set state = ?, error = ?, next = ?, attempts = ?"
                " where downstream = ? and archive = ? and publication = ?",
                (state, error, next, attempts, told.downstream, told.archive, told.publication),
            )
        return done.rowcount == 1

    def forget_delivery(self, downstream: str, archive: str) -> None:
        """Drop what was owed to a downstream that is no longer configured for an archive."""
        with self._transaction():
            self._db.execute("delete from delivery where downstream = ? and archive = ?", (downstream, archive))


def _request(row: sqlite3.Row) -> Request:
    flags = {name: bool(row[name]) for name in ("mhop", "callback", "allow_deletes", "allow_rollback", "full")}
    return Request(**{key: value for key, value in dict(row).items() if key != "answered"} | flags)


def _state(row: sqlite3.Row) -> ArchiveState:
    return ArchiveState(**{**dict(row), "refused_paths": tuple(json.loads(row["refused_paths"]))})


def _run(row: sqlite3.Row) -> Run:
    return Run(**dict(row))


def _text(path: str) -> str:
    """SQLite keeps UTF-8; a name that is not is kept in an escaped form that no rsync name has."""
    return path.encode("utf-8", "surrogateescape").hex(":") + ":" if _broken(path) else path


def _path(text: str) -> str:
    return bytes.fromhex(text.replace(":", "")).decode("utf-8", "surrogateescape") if text.endswith(":") else text


def _broken(path: str) -> bool:
    return path.endswith(":") or any("\ud800" <= character <= "\udfff" for character in path)
