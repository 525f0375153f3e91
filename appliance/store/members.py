"""Who was invited, who has joined, and what those have said of themselves."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from appliance.records import Member
from appliance.store.database import Database, looked_at

_SINCE: Final = 10
"""The first version of a store that knows members."""

_LISTS: Final = ("archives", "sources", "host_keys", "carries", "told")


class Members(Database):
    """The table of members."""

    def members(self) -> tuple[Member, ...]:
        """Everybody, by name."""
        return tuple(map(_member, self._all("select * from member order by name")))

    def member(self, name: str) -> Member | None:
        """One of them; None when nobody of that name was ever invited."""
        return next(map(_member, self._all("select * from member where name = ?", name)), None)

    def keep_member(self, member: Member) -> None:
        """Remember a member as it is now."""
        values = {key: json.dumps(value) if key in _LISTS else value for key, value in asdict(member).items()}
        columns, marks = ", ".join(values), ", ".join("?" * len(values))
        with self._transaction():
            self._db.execute(f"insert or replace into member ({columns}) values ({marks})", [*values.values()])

    def forget_members(self, before: float) -> None:
        """Forget invitations that nobody has used, and memberships, that had ended by then (epoch seconds)."""
        with self._transaction():
            self._db.execute("delete from member where state != 'joined' and expires < ?", [before])


def enrolled(path: Path) -> tuple[Member, ...]:
    """The members in a store of any version that ``check`` lets pass; nobody where there is none."""
    with looked_at(path) as (db, version):
        return tuple(map(_member, db.execute("select * from member order by name"))) if version >= _SINCE else ()


def _member(row: sqlite3.Row) -> Member:
    fields: dict[str, Any] = dict(row)
    lists = {key: tuple(json.loads(fields[key])) for key in _LISTS}
    return Member(**{**fields, **lists, "renew": bool(fields["renew"])})
