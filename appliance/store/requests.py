"""What somebody wants: on disk before it is acknowledged, kept until it is answered and for a while longer."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable
from dataclasses import asdict
from typing import Final

from appliance.records import Request
from appliance.store.database import Database

KEPT: Final = 1000
"""Answered requests that are kept at least."""

FRESH: Final = 600.0
"""Seconds for which every answer is kept: a storm is answered all at once, and each of its senders has to be told."""


class Requests(Database):
    """The table of requests."""

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
        """Answer requests for good; the last KEPT answered ones, and all that are FRESH, stay for whoever asks again.

        One that was answered in the future, before the clock was set back, is old.
        """
        now = time.time()
        with self._transaction():
            self._db.executemany(
                "update request set code = ?, answer = ?, answered = ? where id = ?",
                [(code, text, now, r.id) for r in requests],
            )
            self._db.execute(
                "delete from request where code is not null and abs(answered - ?) > ? and id not in"
                " (select id from request where code is not null order by answered desc limit ?)",
                (now, FRESH, KEPT),
            )


def _request(row: sqlite3.Row) -> Request:
    flags = {name: bool(row[name]) for name in ("mhop", "callback", "allow_deletes", "allow_rollback", "full")}
    return Request(**{key: value for key, value in dict(row).items() if key != "answered"} | flags)
