"""What takes its time on the disk, beside the event loop: triggers and health checks are answered meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import ParamSpec, TypeVar

_Facts = ParamSpec("_Facts")
_Result = TypeVar("_Result")


async def meanwhile(work: Callable[_Facts, _Result], *facts: _Facts.args, **named: _Facts.kwargs) -> _Result:
    """Do this in a thread, and return what it returns, or raise what it raises.

    A thread cannot be ended: who is cancelled waits for it first, so that no two ever write to one tree. Work that
    touches the store has no place here: its connection belongs to the event loop.
    """
    doing = asyncio.ensure_future(asyncio.to_thread(work, *facts, **named))
    try:
        return await asyncio.shield(doing)
    except asyncio.CancelledError:
        await asyncio.wait((doing,))
        raise
