"""What is known of an archive's mirrors, ready for those who ask: looked at again when a moment has passed."""

from __future__ import annotations

import os
import time
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from appliance.controller import Controller
from appliance.records import Sighting, serial_number
from appliance.tree.metalink import ROOT, Edition
from appliance.tree.place import places
from appliance.tree.redirect import Table

MOMENT: Final = 0.5
"""Seconds for which nobody looks again."""

LARGEST: Final = 1 << 20
"""Bytes of a repomd.xml; of a large repository it has 10 thousand."""

TICK: Final = 0.02
"""Seconds by which the time of a file may be early: the kernel's slowest clock, twice."""

EDITIONS: Final = 4
REPOSITORIES: Final = 4096
"""States of a repomd.xml that are remembered, and for how many of them."""


@dataclass(frozen=True, slots=True)
class Published:
    """Our publications of an archive, oldest first: when, and which serial as a number."""

    times: tuple[float, ...] = ()
    numbers: tuple[int, ...] = ()

    def since(self, when: float) -> int | None:
        """The serial of the first publication at or after that time; None when there was none yet."""
        place = bisect_left(self.times, when)
        return self.numbers[place] if place < len(self.numbers) else None

    @property
    def ages(self) -> dict[int, float]:
        """When each serial was first published."""
        return dict(zip(reversed(self.numbers), reversed(self.times), strict=True))


@dataclass(slots=True)
class Known:
    """One archive at one moment."""

    table: Table
    seen: tuple[Sighting, ...]
    published: Published
    publication: int
    until: float


class Tables:
    """What is known of each archive that we hold."""

    def __init__(self, controller: Controller, clock: Callable[[], float] = time.monotonic) -> None:
        self._controller, self._clock = controller, clock
        self._known: dict[str, Known] = {}
        self._editions: dict[tuple[str, str], tuple[Edition, ...]] = {}

    def of(self, archive: str) -> Known | None:
        """What is known now; None for an archive that we do not hold."""
        known = self._known.get(archive)
        if known and self._clock() < known.until:
            return known
        if archive not in self._controller.lanes:
            return None
        self._known[archive] = fresh = self._look(archive, known)
        return fresh

    def _look(self, archive: str, before: Known | None) -> Known:
        seen = self._controller.watch.sightings(archive)
        found = places(archive, seen, self._controller.settings.registry)
        # What was chosen from the same mirrors stays chosen.
        table = before.table if before and before.table.places == found else Table(found)
        publication = self._controller.store.archive(archive).publication
        same = before is not None and before.publication == publication
        published = before.published if before and same else self._published(archive)
        return Known(table, seen, published, publication, self._clock() + MOMENT)

    def _published(self, archive: str) -> Published:
        pairs = [
            (one.published, number)
            for one in self._controller.store.publications(archive)
            if (number := serial_number(one.serial)) is not None
        ]
        return Published(*map(tuple, zip(*pairs, strict=True))) if pairs else Published()

    def since(self, archive: str, path: bytes) -> int | None:
        """The serial since which a file is in the archive; None for one that only we may have, or nobody.

        Payload is here before the publication that tells of it, and after the one before: so says the time at which
        the file got here. A file that nobody has yet may be at a mirror that is ahead of us.
        """
        known = self.of(archive)
        assert known
        newest = known.published.numbers[-1] if known.published.numbers else None
        try:
            changed = os.stat(os.fsencode(self._controller.places.archive(archive)) + b"/" + path).st_ctime
        except OSError:
            return None if newest is None else newest + 1
        if self._controller.store.is_doomed(archive, os.fsdecode(path)):
            return None
        return known.published.since(changed + TICK)

    def editions(self, archive: str, repository: str) -> tuple[Edition, ...]:
        """What a repository's repomd.xml is and was, the newest first; empty when there is none."""
        known, key = self.of(archive), (archive, repository)
        before = self._editions.get(key, ())
        assert known
        current = self._edition(archive, repository, known.published)
        if current is None:
            return ()
        if not before or before[0].sha256 != current.sha256:
            before = (current, *(one for one in before if one.since < current.since))[:EDITIONS]
            if len(self._editions) >= REPOSITORIES:
                self._editions.clear()
            self._editions[key] = before
        return before

    def _edition(self, archive: str, repository: str, published: Published) -> Edition | None:
        file = self._controller.places.archive(archive) / repository / ROOT
        try:
            with file.open("rb") as stream:
                status = os.fstat(stream.fileno())
                content = stream.read(LARGEST + 1)
        except (OSError, ValueError):
            return None
        if len(content) > LARGEST:
            return None
        # What was put there for a publication that is not complete is nobody else's yet.
        newest = published.numbers[-1] if published.numbers else 0
        since = published.since(status.st_ctime)
        return Edition.of(content, int(status.st_mtime), newest + 1 if since is None else since)
