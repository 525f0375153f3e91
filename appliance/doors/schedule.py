"""Requests that nobody sends: the schedule of a pull mirror, the safety poll of a push mirror, and the first sync."""

from __future__ import annotations

import asyncio
import random
import sqlite3
import time
from collections.abc import Coroutine
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from cronsim import CronSim

from appliance import log
from appliance.controller import Controller, new_request
from appliance.errors import SyncError
from appliance.lanes.lane import STORE_PAUSE
from appliance.records import Request
from appliance.run.reach import source_of
from appliance.settings.archive import Archive
from appliance.settings.times import parse_duration
from appliance.sync import glance

AUDIT_PAUSE: Final = 3600.0
"""Seconds between two audits of which the first one failed."""


async def keep(controller: Controller) -> None:
    """Request the syncs that are due by the clock, until cancelled."""
    async with asyncio.TaskGroup() as group:
        for name, lane in controller.lanes.items():
            if not lane.is_origin:
                for work in _works(controller, name):
                    group.create_task(work)
        # With nothing to poll there is nothing to do, which is not the same as being done.
        await asyncio.Event().wait()


def _works(controller: Controller, name: str) -> list[Coroutine[Any, Any, None]]:
    archive = controller.settings.archives[name]
    is_new = not controller.store.archive(name).publication
    works = [_ask(controller, new_request(name, "all", "schedule", "first sync"))] if is_new else []
    works += [_poll(controller, name)] if archive.poll else []
    works += [_audit(controller, name)] if archive.audit else []
    return [*works, _follow(controller, name, archive)] if archive.schedule else works


async def _follow(controller: Controller, name: str, archive: Archive) -> None:
    """A sync whenever the schedule says so."""
    while True:
        last = controller.store.last_run(name)
        due = next_time(archive, last.started if last else time.time(), time.time())
        await asyncio.sleep(max(0.0, due - time.time()) + random.uniform(0, archive.jitter))
        await _ask(controller, new_request(name, "all", "schedule", archive.schedule))
        # The run of this request is the next interval's beginning; a cron minute that was served is over by then.
        await controller.lanes[name].served()


def next_time(archive: Archive, last: float, now: float) -> float:
    """When the schedule is due next: an interval counts from the last run, a cron expression from now."""
    if len(archive.schedule.split()) == 1:
        # A run that began in the future began before the clock was set back.
        return max(now, min(last, now) + int(parse_duration(archive.schedule)))
    here = datetime.fromtimestamp(now, ZoneInfo(archive.timezone))
    return next(CronSim(archive.schedule, here)).timestamp()


async def _poll(controller: Controller, name: str) -> None:
    """For a trigger that never came: after ``poll`` seconds without a run, a look whether there is something new."""
    while interval := controller.settings.archives[name].poll:
        last = controller.store.last_run(name)
        since = min(last.started if last else time.time(), time.time())
        pause = max(0.0, since + interval - time.time())
        if not pause:
            await _look(controller, name)
            pause = interval
        await asyncio.sleep(pause + random.uniform(0, interval / 10))


async def _audit(controller: Controller, name: str) -> None:
    """Compare everything, for what no journal told: after ``audit`` seconds without a walk, and not all at once."""
    while interval := controller.settings.archives[name].audit:
        since = min(controller.store.archive(name).audited or time.time(), time.time())
        pause = since + interval * random.uniform(0.9, 1.1) - time.time()
        if pause <= 0:
            await _ask(controller, new_request(name, "all", "schedule", "audit", full=True))
            await controller.lanes[name].served()
            pause = AUDIT_PAUSE
        await asyncio.sleep(pause)


async def _look(controller: Controller, name: str) -> None:
    try:
        is_news = await _is_news(controller, name)
    except SyncError as error:
        log.trouble("safety poll failed", archive=name, reason=str(error))
        return
    if is_news:
        await _ask(controller, new_request(name, "all", "schedule", "safety poll"))


async def _ask(controller: Controller, request: Request) -> None:
    """Return when the request is on disk: a full state volume stops syncs, and nothing else."""
    while True:
        try:
            controller.accept([request])
        except sqlite3.Error as error:
            log.trouble("a scheduled sync waits for the store", archive=request.archive, reason=str(error))
            await asyncio.sleep(STORE_PAUSE)
        else:
            return


async def _is_news(controller: Controller, name: str) -> bool:
    """With several upstreams a run finds out, which looks at all of them anyway."""
    if controller.settings.archives[name].fallbacks:
        return True
    carried = await glance.serial(source_of(controller.settings, controller.places, name))
    return carried is None or carried != controller.store.archive(name).serial
