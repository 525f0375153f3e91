"""Requests that nobody sends: the safety poll, and the first sync of an archive that has never had one."""

from __future__ import annotations

import asyncio
import random
import time

from appliance.controller import Controller, new_request


async def keep(controller: Controller) -> None:
    """Request a sync of each mirrored archive every ``poll`` seconds, spread by a tenth, until cancelled."""
    async with asyncio.TaskGroup() as group:
        for name, lane in controller.lanes.items():
            if not lane.is_origin:
                group.create_task(_poll(controller, name))
        # With nothing to poll there is nothing to do, which is not the same as being done.
        await asyncio.Event().wait()


async def _poll(controller: Controller, name: str) -> None:
    if not controller.store.archive(name).publication:
        controller.accept([new_request(name, "all", "schedule", "first sync")])
    while interval := controller.settings.archives[name].poll:
        last = controller.store.last_run(name)
        since = last.started if last else time.time()
        pause = max(0.0, since + interval - time.time())
        if not pause:
            controller.accept([new_request(name, "all", "schedule", "safety poll")])
            pause = interval
        await asyncio.sleep(pause + random.uniform(0, interval / 10))
