"""When other mirrors were first seen to carry what was published here."""

from __future__ import annotations

from appliance.records import serial_number
from appliance.store.timings import PROPAGATION, Timings


class Arrivals(Timings):
    """The table of arrivals: the newest serial that each mirror was seen to carry."""

    def arrived(self, mirror: str, archive: str, serial: str, tier: int, now: float) -> None:
        """A mirror was seen ``now`` to carry a serial; ``tier`` is 1 for who fetches from us, 0 when nobody knows.

        Every publication of ours that it had not got before is counted once, from its moment to this one, by this
        machine's clock alone. The first sight of a mirror counts nothing: it has not waited for us. Nor does an older
        serial than one it had.
        """
        number, had = serial_number(serial), self._arrival(mirror, archive)
        if number is None or (had is not None and number <= had):
            return
        with self._transaction(lasting=False):
            for published in [] if had is None else self._published_between(archive, had, number):
                self._time(PROPAGATION, archive, mirror, str(tier), now - published)
            self._db.execute("insert or replace into arrival values (?, ?, ?)", (mirror, archive, number))

    def forget_arrivals(self, mirror: str, archive: str) -> None:
        """A mirror is no longer looked at: nothing is told of it either."""
        with self._transaction(lasting=False):
            self._db.execute("delete from arrival where mirror = ? and archive = ?", (mirror, archive))
            self._db.execute(
                "delete from timing where measure = ? and archive = ? and subject = ?", (PROPAGATION, archive, mirror)
            )

    def _arrival(self, mirror: str, archive: str) -> int | None:
        rows = self._all("select serial from arrival where mirror = ? and archive = ?", mirror, archive)
        return next((row[0] for row in rows), None)

    def _published_between(self, archive: str, had: int, has: int) -> list[float]:
        """When each serial behind the one, up to the other, was first published here, as far as is remembered."""
        query = (
            "select min(published) from publication where archive = ? and cast(serial as integer) > ?"
            " and cast(serial as integer) <= ? group by serial"
        )
        return [row[0] for row in self._all(query, archive, had, has)]
