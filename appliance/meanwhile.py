"""What takes its time on the disk, beside the event loop: triggers and health checks are answered meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

_Facts = ParamSpec("_Facts")
_Result = TypeVar("_Result")


async def meanwhile(work: Callable[_Facts, _Result], *facts: _Facts.args, **named: _Facts.kwargs) -> _Result:
    """Do this in a thread, and return what it returns, or raise what it raises.

    A thread cannot be ended: who is cancelled, however often, waits for it first, so that no two ever write to one
    tree. Work that touches the store has no place here: its connection belongs to the event loop.
    """
    doing = asyncio.ensure_future(asyncio.to_thread(work, *facts, **named))
    try:
        return await asyncio.shield(doing)
    except asyncio.CancelledError:
        await _until_over(doing)
        raise


async def ended(*tasks: asyncio.Future[Any]) -> None:
    """Cancel these, and return when they are over; what they raise is not raised here.

    They are cancelled once and awaited to their end also by who is cancelled himself meanwhile: a second blow would
    leave programs behind that were about to be ended, and a cancellation that is lost would leave us running.
    """
    for task in tasks:
        task.cancel()
    await _until_over(*tasks)
    for task in tasks:
        if not task.cancelled():
            task.exception()  # looked at, or the loop complains


async def _until_over(*tasks: asyncio.Future[Any]) -> None:
    cancelled = None
    while left := [task for task in tasks if not task.done()]:
        try:
            await asyncio.wait(left)
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled:
        raise cancelled
