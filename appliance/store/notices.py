"""What each channel has been told of what is wrong, and what it has not been told yet."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable

from appliance.records import Notice
from appliance.store.database import Database


class Notices(Database):
    """The table of notices: a row for what is wrong, and for what a channel has yet to hear is over."""

    def compare_notices(
        self,
        channel: str,
        wrong: Iterable[tuple[str, str, str]],
        now: float,
        unsettled: Collection[tuple[str, str]] = (),
    ) -> None:
        """Take over what is wrong: condition, subject and reason of each.

        What a channel was never told of and is over by itself is forgotten; a reason that has changed is no news. Of
        what is ``unsettled`` (condition and subject) nothing is over.
        """
        rows = {(condition, subject): reason for condition, subject, reason in wrong}
        with self._transaction():
            for known in self._all("select condition, subject from notice where channel = ?", channel):
                if tuple(known) not in rows and tuple(known) not in unsettled:
                    self._over(channel, known[0], known[1], now)
            self._db.executemany(
                "insert into notice (channel, condition, subject, reason, since) values (?, ?, ?, ?, ?)"
                " on conflict (channel, condition, subject) do update set reason = excluded.reason, over = null",
                [(channel, *key, reason, now) for key, reason in rows.items()],
            )

    def _over(self, channel: str, condition: str, subject: str, now: float) -> None:
        one = "where channel = ? and condition = ? and subject = ?"
        self._db.execute(f"delete from notice {one} and told is null", (channel, condition, subject))
        self._db.execute(f"update notice set over = ifnull(over, ?) {one}", (now, channel, condition, subject))

    def notices(self, channel: str) -> list[Notice]:
        """What the channel has to be told, the oldest first."""
        query = (
            "select condition, subject, reason, since, over from notice"
            " where channel = ? and (told is null or over is not null) order by ifnull(over, since), condition, subject"
        )
        return [_notice(row) for row in self._all(query, channel)]

    def noticed(self, channel: str, told: Iterable[Notice], now: float) -> None:
        """The channel has been told; what has changed again meanwhile is to be told next."""
        with self._transaction():
            for one in told:
                self._noticed(channel, one, now)

    def _noticed(self, channel: str, one: Notice, now: float) -> None:
        key = (channel, one.condition, one.subject)
        where = "where channel = ? and condition = ? and subject = ?"
        if one.over:
            gone = self._db.execute(f"delete from notice {where} and over is not null", key).rowcount
            if not gone:
                self._db.execute(f"update notice set told = null {where}", key)
            return
        self._db.execute(
            "insert into notice (channel, condition, subject, reason, since, told, over) values (?, ?, ?, ?, ?, ?, ?)"
            " on conflict (channel, condition, subject) do update set told = excluded.told",
            (*key, one.reason, one.since, now, now),
        )

    def forget_notices(self, channels: Collection[str], subjects: Collection[str]) -> None:
        """Drop what was kept for other channels, and of other subjects: they are configured no more."""
        with self._transaction():
            for column, known in (("channel", channels), ("subject", subjects)):
                marks = ", ".join("?" * len(known))
                self._db.execute(f"delete from notice where {column} not in ({marks})", [*known])


def _notice(row: sqlite3.Row) -> Notice:
    return Notice(**dict(row))
