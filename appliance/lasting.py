"""Work that goes on for ever, also behind a fault of our own: an archive is served whatever becomes of its picture."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from typing import Final

from appliance import log

PAUSE: Final = 60.0
"""Seconds from a fault to the next try: who hits the same one again shall not fill the log with it."""

VOLUME_PAUSE: Final = 5.0
"""The same from a volume that is full, or ill."""


async def lasting(name: str, work: Callable[[], Awaitable[object]]) -> None:
    """Do this until it has come to its end, or we are cancelled; begin anew behind a fault of ours.

    Without it the controller would end with the fault, and the container begin anew, into the same fault for ever.
    """
    while True:
        try:
            await work()
        except (sqlite3.Error, OSError) as error:
            log.trouble("a volume cannot be used, trying again", work=name, reason=str(error))
            await asyncio.sleep(VOLUME_PAUSE)
        except Exception:
            log.fault("hit a fault of the appliance itself, beginning anew", work=name, seconds=PAUSE)
            await asyncio.sleep(PAUSE)
        else:
            return
