"""Our publications with their times, and what was last seen of the mirrors around us."""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict
from sys import intern

from appliance.records import Publication, Sighting
from appliance.store.database import Database, as_path


class Sightings(Database):
    """The tables of publications and of sightings."""

    def publications(self, archive: str, after: int = 0) -> list[Publication]:
        """Those of an archive that are remembered, oldest first; only those with a larger number than ``after``."""
        rows = self._all(
            "select number, serial, published, digests from publication where archive = ? and number > ?"
            " order by number",
            archive,
            after,
        )
        return [Publication(row[0], row[1], row[2], _digests(row[3])) for row in rows]

    def sightings(self) -> list[Sighting]:
        """All that are kept; one that another version of this appliance wrote in another form is not."""
        found = []
        for row in self._all("select seen from sighting order by mirror, archive"):
            with suppress(TypeError, ValueError):
                found.append(Sighting(**json.loads(row[0])))
        return found

    def keep_sightings(self, seen: Iterable[Sighting], gone: Iterable[tuple[str, str]] = ()) -> None:
        """Keep these, by mirror and archive, and forget those that are ``gone``."""
        with self._transaction(lasting=False):  # whoever is not remembered is looked at again
            self._db.executemany("delete from sighting where mirror = ? and archive = ?", [*gone])
            self._db.executemany(
                "insert or replace into sighting (mirror, archive, seen) values (?, ?, ?)",
                [(one.mirror, one.archive, json.dumps(asdict(one))) for one in seen],
            )


def _digests(text: str) -> dict[str, str]:
    """Most of them are those of the publication before: they take memory once."""
    return {intern(as_path(path)): intern(digest) for path, digest in json.loads(text).items()}
