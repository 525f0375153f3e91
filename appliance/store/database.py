"""One connection to one SQLite file, its transactions, and how names that are no text are kept in it."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from appliance.errors import ApplianceError
from appliance.store import schema

_AWAY: Final = "move it and what begins with its name away: what was asked and told is forgotten, no archive is lost"


class StoreError(ApplianceError):
    """The store cannot be used by this appliance; it was left as it is."""

    exit_code = 78


class Database:
    """One connection; every method of a room built on it is one transaction, durable when it returns.

    ``on_change`` is called behind each.
    """

    on_change: Callable[[], None] | None = None

    def __init__(self, path: Path) -> None:
        """Open it, make it, or bring it forward; of an older one a copy is kept beside it until the next time.

        Raises StoreError for one that cannot be used, or when there is no room to do that: then it is what it was.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        self._db = _open(path)
        with suppress(OSError):  # there are secrets in it; what SQLite puts beside it gets the same mode
            path.chmod(0o600)
        try:
            self._db.execute("pragma journal_mode = wal")
            self._db.execute("pragma synchronous = full")
            if _version(self._db) < schema.NEWEST:  # else nothing is written: a full volume can be read
                self._keep(copy_of(path))
                self._migrate()
        except sqlite3.OperationalError as error:
            self._db.close()
            cure = "make room on the volume, or see whether it is well; the next start tries again"
            raise StoreError(f"{path} cannot be made ready: {error}", cure) from None
        except BaseException:
            self._db.close()
            raise

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def _keep(self, copy: Path) -> None:
        """Who has to go back to an older image finds what that left."""
        if not _version(self._db):
            return
        scratch = copy.with_name(f"{copy.name}.new")
        scratch.unlink(missing_ok=True)
        try:
            scratch.touch(0o600)
            self._db.execute("vacuum into ?", (os.fspath(scratch),))
            with scratch.open("rb") as file:
                os.fsync(file.fileno())
            scratch.replace(copy)
        finally:
            scratch.unlink(missing_ok=True)

    def _migrate(self) -> None:
        with self._transaction():
            for step in schema.STEPS[_version(self._db) :]:
                for statement in step.split(";"):
                    self._db.execute(statement)
            self._db.execute(f"pragma user_version = {schema.NEWEST}")

    @contextmanager
    def _transaction(self, lasting: bool = True) -> Iterator[None]:
        """One that is not ``lasting`` may be lost in a power cut, together with no more than those behind it."""
        self._db.execute(f"pragma synchronous = {'full' if lasting else 'normal'}")
        self._db.execute("begin immediate")
        try:
            yield
            self._db.execute("commit")
        except BaseException:
            if self._db.in_transaction:  # SQLite ends some by itself, when the volume is full
                self._db.execute("rollback")
            raise
        if self.on_change:
            self.on_change()

    def _all(self, query: str, *values: Any) -> list[sqlite3.Row]:
        return self._db.execute(query, values).fetchall()


def copy_of(path: Path) -> Path:
    """Where a store is kept as it was before it was last brought forward."""
    return path.with_name(f"{path.name}.before")


def check(path: Path) -> None:
    """Raise StoreError for a store that is of a newer appliance, or none at all; changes nothing."""
    if path.exists():
        _open(path).close()


def carried(path: Path) -> frozenset[str]:
    """The archives that were published, or were about to be; of a store of any version that ``check`` lets pass."""
    with looked_at(path) as (db, version):
        if not version:
            return frozenset()
        rows = db.execute("select name from archive where published is not null or publishing is not null")
        return frozenset(str(row[0]) for row in rows)


@contextmanager
def looked_at(path: Path) -> Iterator[tuple[sqlite3.Connection, int]]:
    """A store to be read as it is, and its version; 0 where there is none. Raises as ``check`` does."""
    with closing(_open(path) if path.exists() else sqlite3.connect(":memory:")) as db:
        yield db, _version(db)


def copy(path: Path, to: Path) -> None:
    """Copy a store as it is at this moment, also of a running controller; where there is none, nothing is made."""
    if path.exists():
        with (
            closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as here,
            closing(sqlite3.connect(to)) as there,
        ):
            here.backup(there)


def _open(path: Path) -> sqlite3.Connection:
    """Raises StoreError before anything is written.

    A full volume has no room for the memory that SQLite shares with other processes: then it is opened without any.
    """
    try:
        return _opened(path, "normal")
    except sqlite3.OperationalError:
        return _opened(path, "exclusive")


def _opened(path: Path, locking: str) -> sqlite3.Connection:
    db = sqlite3.connect(path, isolation_level=None)
    db.row_factory = sqlite3.Row
    db.execute(f"pragma locking_mode = {locking}")
    try:
        found = _version(db)
    except sqlite3.OperationalError:
        db.close()
        raise
    except sqlite3.DatabaseError as error:
        db.close()
        raise StoreError(f"it cannot be read: {error}", f"restore it, or {_AWAY}") from None
    if found > schema.NEWEST:
        db.close()
        fact = f"it is of a newer push-mirror: version {found} of the store, this one knows {schema.NEWEST}"
        before = f", put {copy_of(path).name} in its place," if copy_of(path).exists() else ","
        raise StoreError(fact, f"start the newer image again{before} or {_AWAY}")
    return db


def _version(db: sqlite3.Connection) -> int:
    return int(db.execute("pragma user_version").fetchone()[0])


def as_text(path: str) -> str:
    """SQLite keeps UTF-8; a name that is not is kept in an escaped form that no rsync name has."""
    return path.encode("utf-8", "surrogateescape").hex(":") + ":" if _broken(path) else path


def as_path(text: str) -> str:
    """The name that ``as_text`` was given."""
    return bytes.fromhex(text.replace(":", "")).decode("utf-8", "surrogateescape") if text.endswith(":") else text


def _broken(path: str) -> bool:
    return path.endswith(":") or any("\ud800" <= character <= "\udfff" for character in path)
