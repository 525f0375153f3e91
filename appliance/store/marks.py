"""The upstream's journal, as far as an archive has followed it."""

from __future__ import annotations

from appliance.records import Mark
from appliance.store.database import Database


class Marks(Database):
    """Where in its upstream's journal each archive is."""

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
