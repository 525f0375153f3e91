"""The volumes of the picture."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from appliance import space
from appliance.controller import Controller
from appliance.errors import SyncError
from appliance.space import UNLIMITED, Amount, Space


def volumes(controller: Controller) -> dict[str, tuple[Space, Amount]]:
    """The volume with the archives and the one with the state, each with its reserve, as far as they are there."""
    found: dict[str, tuple[Space, Amount]] = {}
    with suppress(SyncError):
        found["data"] = controller.volume.look()
    with suppress(OSError):
        found["state"] = (space.look(controller.places.state), Amount())
    return found


def volume(seen: Space, kept: Amount) -> dict[str, Any]:
    """One of them, with its reserve; inodes are None where the filesystem does not count them."""
    counted = seen.all.inodes != UNLIMITED
    return {
        "free_bytes": seen.free.bytes,
        "free_inodes": seen.free.inodes if counted else None,
        "reserve_bytes": kept.bytes,
        "reserve_inodes": kept.inodes if counted else None,
        "read_only": seen.read_only,
    }
