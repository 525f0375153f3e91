"""Writing to the store while the state volume may be full or read-only: nobody who is owed something is forgotten."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, TypeVar

from appliance import log

STORE_PAUSE: Final = 5.0
"""Seconds until a state volume that could not be written is tried again."""

_Written = TypeVar("_Written")


async def kept(write: Callable[[], _Written], whom: str) -> _Written:
    """Write, and when that is not possible again and again: nobody is told twice for want of a note that he was."""
    waits = False
    while True:
        try:
            return write()
        except sqlite3.Error as error:
            if not waits:
                log.trouble("telling waits for the store", to=whom, reason=str(error))
            waits = True
            await asyncio.sleep(STORE_PAUSE)


@contextmanager
def dispensable() -> Iterator[None]:
    """What is written in the block makes something sooner or tidier, and is left when that is not possible."""
    try:
        yield
    except sqlite3.Error as error:
        log.trouble("the store cannot be used, going on without", reason=str(error))
