"""Every payload file that indices name: is it here, and is it what they say?

Only what does not fit is kept, and marks of the files that were looked at last: a file that several indices of a suite
name is looked at once.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import Final

from appliance.errors import Misfit
from appliance.sync.entry import Reference
from appliance.sync.findings import Report, Watch
from appliance.sync.marks import Marks
from appliance.sync.references import BATCH, READERS, Payload
from appliance.sync.scope import Listing, Scope

MOST: Final = 50_000
"""Misfits after which an audit ends: so much is not mended file by file."""


@dataclass(frozen=True, slots=True)
class Look:
    """A look at what ``listings`` name and ``scope`` asks about.

    Ends soon after ``given_up`` is set: a thread cannot be cancelled, but it can be asked.
    """

    payload: Payload
    listings: list[Listing]
    scope: Scope
    watch: Watch
    given_up: threading.Event

    def __call__(self, report: Report, content: bool) -> tuple[int, int]:
        """Look at every file that is named and asked about; returns how many they are, and their bytes.

        Blocks; what does not fit is added to ``report``.
        """
        files = bytes = 0
        marks = Marks()
        with ThreadPoolExecutor(READERS) as readers:
            for listing in self.listings:
                for batch in self._batches(listing, marks, report):
                    found = readers.map(lambda one, bases=listing.bases: self._seen(bases, one, content), batch)
                    for misfit in filter(None, found):
                        report.add(misfit)
                    files, bytes = files + len(batch), bytes + sum(one.size for one in batch)
        return files, bytes

    def _seen(self, bases: tuple[str, ...], named: Reference, content: bool) -> Misfit | None:
        misfit = self.payload.misfit(bases, named, content)
        self.watch.done(1, named.size)
        return misfit

    def _batches(self, listing: Listing, marks: Marks, report: Report) -> Iterator[list[Reference]]:
        fresh = self._fresh(listing, marks)
        try:
            while not self.given_up.is_set() and len(report.misfits) < MOST and (batch := list(islice(fresh, BATCH))):
                yield batch
        except ValueError as error:
            if listing.whole:
                report.add(Misfit(listing.index.path, "an index that can be read", str(error)))

    def _fresh(self, listing: Listing, marks: Marks) -> Iterator[Reference]:
        for named in listing.index.references():
            asked = listing.whole or self.scope.names(named, listing.bases)
            if asked and marks.add(hash((listing.bases[0], named))):
                yield named
