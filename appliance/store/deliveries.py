"""Whom we owe news of a publication, and how far telling them has come."""

from __future__ import annotations

from appliance.records import Delivery
from appliance.store.database import Database


class Deliveries(Database):
    """The table of deliveries."""

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
