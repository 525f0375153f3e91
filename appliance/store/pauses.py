"""Archives that rest: their requests are kept, and nothing is done about them."""

from __future__ import annotations

from appliance.store.database import Database


class Pauses(Database):
    """Since when each archive is paused."""

    def paused(self, archive: str) -> float | None:
        """Since when an archive is paused; None when it is not."""
        return next((float(row[0]) for row in self._all("select since from pause where archive = ?", archive)), None)

    def pause(self, archive: str, now: float) -> bool:
        """Have its requests wait from now on; False when they did already."""
        with self._transaction():
            return self._db.execute("insert or ignore into pause values (?, ?)", (archive, now)).rowcount > 0

    def resume(self, archive: str) -> bool:
        """Have its requests served again; False when they were already."""
        with self._transaction():
            return self._db.execute("delete from pause where archive = ?", (archive,)).rowcount > 0
