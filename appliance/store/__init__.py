"""The appliance's only state: requests, runs, publications, deletes in waiting, deliveries, members; in one SQLite
file.

A request is on disk before it is acknowledged; what is true after a crash is what this file says. Times are epoch
seconds.
"""

from __future__ import annotations

from pathlib import Path

from appliance.store.archives import Archives
from appliance.store.database import StoreError, carried, check, copy
from appliance.store.deliveries import Deliveries
from appliance.store.marks import Marks
from appliance.store.members import Members, enrolled
from appliance.store.notices import Notices
from appliance.store.pauses import Pauses
from appliance.store.requests import Requests
from appliance.store.runs import Runs
from appliance.store.sightings import Sightings
from appliance.store.waiting import Waiting

__all__ = ["Store", "StoreError", "carried", "check", "copied", "copy", "enrolled"]


class Store(Requests, Runs, Archives, Marks, Waiting, Deliveries, Notices, Sightings, Pauses, Members):
    """All of it, on one connection; every method is one transaction, durable when it returns."""


def copied(path: Path, to: Path) -> Store:
    """A copy of a store as it is at this moment, to be written to without any effect on the original."""
    copy(path, to)
    return Store(to)
