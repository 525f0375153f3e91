"""Requests that nobody sends: the schedule of a pull mirror, the safety poll of a push mirror, and the first sync."""

from __future__ import annotations

import asyncio
import random
import sqlite3
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import Any, Final
from zoneinfo import ZoneInfo

from cronsim import CronSim

from appliance import log
from appliance.controller import Controller, new_request
from appliance.errors import SyncError
from appliance.lasting import VOLUME_PAUSE, lasting
from appliance.records import Request
from appliance.run.reach import source_of
from appliance.settings.archive import Archive
from appliance.settings.times import parse_duration
from appliance.sync import glance

AUDIT_PAUSE: Final = 3600.0
"""Seconds between two audits of which the first one failed."""

LOOKS: Final = 60.0
"""Seconds between two looks at the clock."""


async def keep(controller: Controller) -> None:
    """Request the syncs that are due by the clock, until cancelled."""
    async with asyncio.TaskGroup() as group:
        for name, lane in controller.lanes.items():
            if not lane.is_origin:
                for work in _works(controller, name):
                    group.create_task(lasting("schedule", work))
        # With nothing to poll there is nothing to do, which is not the same as being done.
        await asyncio.Event().wait()


def _works(controller: Controller, name: str) -> Iterator[Callable[[], Coroutine[Any, Any, None]]]:
    archive = controller.settings.archives[name]
    yield partial(_begin, controller, name)
    if archive.poll:
        yield partial(_poll, controller, name)
    if archive.audit:
        yield partial(_audit, controller, name)
    if archive.schedule:
        yield partial(_follow, controller, name, archive)


async def _begin(controller: Controller, name: str) -> None:
    """The first sync of who has nothing."""
    if not controller.store.archive(name).publication:
        await _ask(controller, new_request(name, "all", "schedule", "first sync"))


async def _follow(controller: Controller, name: str, archive: Archive) -> None:
    """A sync whenever the schedule says so."""
    began = time.time()
    while True:
        await _due(controller, name, archive, began)
        await asyncio.sleep(random.uniform(0, archive.jitter))
        request = new_request(name, "all", "schedule", archive.schedule)
        await _ask(controller, request)
        # The run of this request is the next interval's beginning; a cron minute that was served is over by then.
        with suppress(KeyError):  # it was answered so long ago that nobody knows it any more
            await controller.lanes[name].answer(request.id)


async def _due(controller: Controller, name: str, archive: Archive, began: float) -> None:
    """Return when the schedule is due, by the clock as it is then: it may be set, and we may sleep with the machine."""
    while True:
        last, now = controller.store.last_run(name), time.time()
        if (left := next_time(archive, last.started if last else began, now) - now) <= 0:
            return
        await asyncio.sleep(min(left, LOOKS))


def next_time(archive: Archive, last: float, now: float) -> float:
    """When the schedule is due next, counted from the last run: now, when we were not there at that time."""
    since = min(last, now)  # a run that began in the future began before the clock was set back
    if len(archive.schedule.split()) == 1:
        return max(now, since + int(parse_duration(archive.schedule)))
    here = datetime.fromtimestamp(since, ZoneInfo(archive.timezone))
    return max(now, next(CronSim(archive.schedule, here)).timestamp())


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
    except (SyncError, OSError) as error:
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
            await asyncio.sleep(VOLUME_PAUSE)
        else:
            return


async def _is_news(controller: Controller, name: str) -> bool:
    """With several upstreams a run finds out, which looks at all of them anyway."""
    if controller.settings.archives[name].fallbacks:
        return True
    carried = await glance.serial(source_of(controller.settings, controller.places, name))
    return carried is None or carried != controller.store.archive(name).serial
