"""Single paths of an archive that wait: to be deleted when their time has come, or to be fetched again."""

from __future__ import annotations

from collections.abc import Iterable

from appliance.store.database import Database, as_path, as_text


class Waiting(Database):
    """The paths that something will be done about."""

    def doom(self, archive: str, paths: Iterable[str], now: float) -> None:
        """The upstream has these paths no more; of what was known to be gone the time stays."""
        with self._transaction():
            self._db.executemany(
                "insert or ignore into doomed values (?, ?, ?)", [(archive, as_text(path), now) for path in paths]
            )

    def spare(self, archive: str, paths: Iterable[str]) -> None:
        """The upstream has these paths again: they are doomed no longer."""
        with self._transaction():
            names = [(archive, as_text(path)) for path in paths]
            self._db.executemany("delete from doomed where archive = ? and path = ?", names)

    def doomed(self, archive: str) -> set[str]:
        """Every path that waits for its end."""
        return {as_path(row[0]) for row in self._all("select path from doomed where archive = ?", archive)}

    def is_doomed(self, archive: str, path: str) -> bool:
        """Whether a path waits for its end."""
        return bool(self._all("select 1 from doomed where archive = ? and path = ?", archive, as_text(path)))

    def next_doomed(self, archive: str, after: str, most: int) -> list[tuple[str, float]]:
        """The next paths that wait for their end, each with the time it went: a million are too many at once.

        They come in an order of their own, which begins behind an empty path.
        """
        query = "select path, since from doomed where archive = ? and path > ? order by path limit ?"
        return [(as_path(row[0]), row[1]) for row in self._all(query, archive, as_text(after), most)]

    def buried(self, archive: str, paths: Iterable[str]) -> None:
        """Forget paths that were deleted."""
        with self._transaction():
            names = [(archive, as_text(path)) for path in paths]
            self._db.executemany("delete from doomed where archive = ? and path = ?", names)
            self._db.executemany("delete from root where archive = ? and path = ?", names)

    def repair(self, archive: str, paths: Iterable[str]) -> None:
        """These files are to be fetched again, whatever their size and time say."""
        with self._transaction():
            self._db.executemany(
                "insert or ignore into repair (archive, path) values (?, ?)",
                [(archive, as_text(path)) for path in paths],
            )

    def repairs(self, archive: str) -> list[str]:
        """The files that are to be fetched again."""
        return [as_path(row[0]) for row in self._all("select path from repair where archive = ?", archive)]

    def repaired(self, archive: str, paths: Iterable[str]) -> None:
        """Forget files that were fetched again, or that nobody has."""
        with self._transaction():
            self._db.executemany(
                "delete from repair where archive = ? and path = ?", [(archive, as_text(path)) for path in paths]
            )
