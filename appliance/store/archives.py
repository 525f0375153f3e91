"""The state of an archive: what is published, what is about to be, what its readers begin with."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

from appliance.records import ArchiveState, Publication
from appliance.store.database import Database, as_path, as_text

LONG: Final = 8 * 24 * 3600.0
LEAST: Final = 200
MOST: Final = 4000
"""How many publications are remembered: all of so many seconds, and how many at least and at most."""


class Archives(Database):
    """What each archive carries, and what people should know of it."""

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
                [(archive, as_text(path), until) for path, until in (roots or {}).items()],
            )

    def published(
        self, archive: str, serial: str | None, now: float, digests: Mapping[str, str] = MappingProxyType({})
    ) -> int:
        """Record that the publication is complete; returns its number.

        ``digests`` are those of (some of) the files where its readers begin, by path. What was found to be gone since
        the publication before has gone with this one: until now readers were told of it.
        """
        with self._transaction():
            self._db.execute(
                "update doomed set since = max(since, ?) where archive = ?"
                " and since > ifnull((select published from archive where name = ?), 0)",
                (now, archive, archive),
            )
            self._db.execute(
                "insert into archive (name, publication, serial, published) values (?, 1, ?, ?)"
                " on conflict (name) do update set publication = publication + 1, serial = excluded.serial,"
                " published = excluded.published, signed = coalesce(sealed, signed), sealed = null,"
                " publishing = null, unpublished = null",
                (archive, serial, now),
            )
            number = self.archive(archive).publication
            self._remember(archive, Publication(number, serial, now, digests))
        return number

    def _remember(self, archive: str, one: Publication) -> None:
        """Note a publication in the list of them, which stays bounded."""
        self._db.execute(
            "insert into publication (archive, number, serial, published, digests) values (?, ?, ?, ?, ?)",
            (archive, one.number, one.serial, one.published, _as_json(one.digests)),
        )
        self._db.execute(
            "delete from publication where archive = ? and (number <= ? or (number <= ? and published < ?))",
            (archive, one.number - MOST, one.number - LEAST, one.published - LONG),
        )

    def begin_anew(self, archive: str) -> None:
        """Its volume is a new one: forget what is known of its files; publications are counted on."""
        with self._transaction():
            self._db.execute(
                "update archive set serial = null, published = null, publishing = null, sealed = null,"
                " unpublished = null, note = '' where name = ?",
                (archive,),
            )
            for table in ("doomed", "root", "repair", "mark", "arrival"):
                self._db.execute(f"delete from {table} where archive = ?", (archive,))

    def part_from_trees(self, now: float) -> None:
        """The trees may be others than this store knows them: forget what is only true of their files as they were.

        Publications are counted on. The next one comes with the next run, whether that brings anything or not.
        """
        with self._transaction():
            self._db.execute(
                "update archive set publishing = null, sealed = null, unpublished = ?"
                " where published is not null or publishing is not null",
                (now,),
            )
            for table in ("doomed", "mark"):
                self._db.execute(f"delete from {table}")

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
        with self._transaction(lasting=False):  # this, and what the two below keep, the next run finds again
            self._db.execute(
                "insert into archive (name, note) values (?, ?) on conflict (name) do update set note = excluded.note",
                (archive, text),
            )

    def refuse(self, archive: str, count: int, examples: Iterable[str]) -> None:
        """Keep what the last walk left out of what the upstream shows: how many paths, and some of them."""
        with self._transaction(lasting=False):
            self._db.execute(
                "insert into archive (name, refused, refused_paths) values (?, ?, ?)"
                " on conflict (name) do update set refused = excluded.refused, refused_paths = excluded.refused_paths",
                (archive, count, json.dumps([*examples])),
            )

    def roots(self, archive: str) -> dict[str, float | None]:
        """Every place where readers of an archive begin, sorted, and until when it is valid (None: without an end)."""
        rows = self._all("select path, valid_until from root where archive = ? order by path", archive)
        return {as_path(row[0]): row[1] for row in rows}

    def planned(self, archive: str, planner: str) -> None:
        """What made the plan of the run that is under way, for people."""
        with self._transaction(lasting=False):
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


def _state(row: sqlite3.Row) -> ArchiveState:
    return ArchiveState(**{**dict(row), "refused_paths": tuple(json.loads(row["refused_paths"]))})


def _as_json(digests: Mapping[str, str]) -> str:
    return json.dumps({as_text(path): digest for path, digest in digests.items()})
