"""Whom we owe news of a publication, and how far telling them has come."""

from __future__ import annotations

import time
from collections.abc import Iterable

from appliance.records import Delivery
from appliance.store.arrivals import Arrivals


class Deliveries(Arrivals):
    """The table of deliveries."""

    def deliver(
        self, downstreams: Iterable[str], archive: str, publication: int, serial: str | None, now: float
    ) -> None:
        """Downstreams are to be told of a publication; an older one that they never heard of is superseded.

        Who could not be told of that one has its failures behind it still, and its pause before it.
        """
        with self._transaction():
            self._db.executemany(
                "insert into delivery (downstream, archive, publication, serial, state, since)"
                " values (?, ?, ?, ?, 'pending', ?) on conflict (downstream, archive) do update set"
                " publication = excluded.publication, serial = excluded.serial, since = excluded.since,"
                " attempts = iif(state = 'delivered', 0, attempts), error = iif(state = 'delivered', '', error),"
                " next = iif(state = 'lost', next, null), state = iif(state = 'lost', 'lost', 'pending')",
                [(downstream, archive, publication, serial, now) for downstream in downstreams],
            )

    def delivery(self, downstream: str, archive: str) -> Delivery | None:
        """How far a downstream has been told of an archive, None when it never was."""
        rows = self._all("select * from delivery where downstream = ? and archive = ?", downstream, archive)
        return next((Delivery(**dict(row)) for row in rows), None)

    def deliveries(self, downstream: str | None = None) -> list[Delivery]:
        """All of them, or those to one downstream, by downstream and archive."""
        query = "select * from delivery where downstream = coalesce(?, downstream) order by downstream, archive"
        return [Delivery(**dict(row)) for row in self._all(query, downstream)]

    def tell(
        self,
        told: Delivery,
        state: str,
        error: str = "",
        next: float | None = None,
        attempts: int = 0,
        silent: int = 0,
        settled: bool = True,
    ) -> bool:
        """Record how telling a downstream went; False when a newer publication has superseded this one.

        Who was told and is still looked at has not ``settled``: it fails until it is seen to publish that.
        """
        begins, ends = state in ("failing", "lost"), state == "delivered" and settled
        failing = f"ifnull(failing, {time.time()})" if begins else "null" if ends else "failing"
        with self._transaction(lasting=False):  # who is told twice has lost nothing
            done = self._db.execute(
                f"update delivery set state = ?, error = ?, next = ?, attempts = ?, silent = ?, failing = {failing}"
                " where downstream = ? and archive = ? and publication = ?",
                (state, error, next, attempts, silent, told.downstream, told.archive, told.publication),
            )
        return done.rowcount == 1

    def seen(self, downstream: str, archive: str, serial: str, now: float) -> None:
        """A downstream was seen ``now`` to carry this serial of an archive."""
        with self._transaction(lasting=False):
            self._db.execute(
                "update delivery set carries = ? where downstream = ? and archive = ?", (serial, downstream, archive)
            )
        self.arrived(downstream, archive, serial, 1, now)

    def found_at(self, downstream: str, archive: str, site: str) -> None:
        """A downstream says that its users find an archive there; an empty ``site``: nowhere."""
        with self._transaction(lasting=False):
            self._db.execute(
                "update delivery set site = ? where downstream = ? and archive = ?", (site, downstream, archive)
            )

    def postpone(self, downstream: str, but: str, until: float) -> None:
        """One who is lost is being tried for the archive ``but``: the others wait for what comes of that."""
        with self._transaction(lasting=False):
            self._db.execute(
                "update delivery set next = ? where downstream = ? and archive <> ? and state = 'lost'",
                (until, downstream, but),
            )

    def lost(self) -> dict[str, str]:
        """The downstreams that are lost, each with an archive that it is owed."""
        rows = self._all("select downstream, archive from delivery where state = 'lost'")
        return {str(row[0]): str(row[1]) for row in rows}

    def found(self, downstream: str) -> bool:
        """A downstream has answered, so it is not lost; returns whether it was."""
        with self._transaction(lasting=False):
            done = self._db.execute(
                "update delivery set state = 'pending', next = null, silent = 0"
                " where downstream = ? and state = 'lost'",
                (downstream,),
            )
        return done.rowcount > 0

    def forget_delivery(self, downstream: str, archive: str) -> None:
        """Drop what was owed to a downstream that is no longer configured for an archive."""
        with self._transaction():
            self._db.execute("delete from delivery where downstream = ? and archive = ?", (downstream, archive))
        self.forget_arrivals(downstream, archive)
