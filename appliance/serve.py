"""The controller process: one event loop with the store, the controller and its doors, and what signals mean."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import uvicorn

from appliance import commands, log, names
from appliance.container import orphans, render
from appliance.controller import Controller
from appliance.doors import http, schedule
from appliance.doors.desk import Desk
from appliance.errors import ApplianceError
from appliance.joining import effective
from appliance.joining.admitted import with_members
from appliance.places import Places
from appliance.settings import Settings
from appliance.store import Store

LONGEST_STOP: Final = 5.0
"""Seconds from TERM to the end, whatever is under way: less than supervisord has patience, and the engine (10)."""


def serve(environ: Mapping[str, str], places: Places) -> int:
    """Serve until TERM or INT; returns the exit status. Raises ApplianceError when the state volume is taken."""
    settings = effective.load(environ, places)
    log.start(settings.log_format, settings.log_level)
    with _alone(places), _pid(places):
        mark = orphans.mark(places.lock)
        orphans.end(mark)
        commands.carry(mark)
        store = Store(places.store)
        try:
            controller = Controller(with_members(settings, store.members(), time.time()), places, store)
            asyncio.run(_serve(environ, places, controller, settings))
        finally:
            store.close()
    return 0


async def _serve(environ: Mapping[str, str], places: Places, controller: Controller, settings: Settings) -> None:
    """``settings`` are as the environment has them, without those who have joined."""

    def put_in_force(afresh: bool = False) -> tuple[Path, ...]:
        everybody = with_members(settings, controller.store.members(), time.time())
        changed = render.apply(everybody, places)
        controller.reload(everybody, afresh)
        render.reload_programs(changed, places)
        return changed

    def reload() -> list[str]:
        nonlocal settings
        settings = effective.load(environ, places)
        changed = put_in_force(afresh=True)
        log.event("reloaded", changed=", ".join(path.name for path in changed) or "nothing")
        return [path.name for path in changed]

    controller.guest.renew = reload
    controller.host.in_force.renew = put_in_force
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGHUP, _quietly, reload)
    app = http.application(controller, reload)
    # No access log: the paths of triggers hold secrets.
    options: dict[str, Any] = {"log_config": None, "access_log": False, "lifespan": "off"}
    api = _Api(uvicorn.Config(app, uds=str(places.api), timeout_graceful_shutdown=1, **options))
    async with Desk(controller).open():
        works = [asyncio.ensure_future(work) for work in (controller.run(), schedule.keep(controller), api.serve())]
        for word in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(word, _stop, works[0])
        log.event("controller is up", archives=", ".join(controller.lanes))
        await _together(works, api)
    names.close()
    log.event("controller stops")


async def _together(works: Sequence[asyncio.Future[Any]], api: uvicorn.Server) -> None:
    """Return when all have ended, as they do when one of them does; the last of them is the API's.

    Raises what ended it. What hangs does not keep the others from ending: the container begins anew then.
    """
    await asyncio.wait(works, return_when=asyncio.FIRST_COMPLETED)
    is_fault = any(work.done() and not work.cancelled() and work.exception() for work in works)
    _leave_in_time(int(is_fault))
    api.should_exit = True
    for work in works[:-1]:
        work.cancel()
    for result in await asyncio.gather(*works, return_exceptions=True):
        if isinstance(result, Exception):
            raise result


def _stop(work: asyncio.Future[None]) -> None:
    """End in order, but in time: a thread in the middle of a big file cannot be ended, and would be waited for."""
    work.cancel()
    _leave_in_time(0)


def _leave_in_time(status: int) -> None:
    """Not by the loop's clock: behind its end, too, the interpreter waits for threads, as those that look up names."""
    clock = threading.Timer(LONGEST_STOP, _leave, (status,))
    clock.daemon = True
    clock.start()


def _leave(status: int) -> None:
    """What is on disk is true at any moment, so that this is no worse than a power cut, which costs nothing."""
    log.trouble("controller stops in the middle of something", seconds=LONGEST_STOP)
    os._exit(status)


def _quietly(reload: Callable[[], object]) -> None:
    """A reload asked for by a signal has nobody to answer to but the log."""
    try:
        reload()
    except (ApplianceError, OSError) as error:
        log.trouble("not reloaded, or not all of it", reason=str(error))


class _Api(uvicorn.Server):
    """uvicorn without its own signal handlers: TERM is the service's to handle."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@contextmanager
def _alone(places: Places) -> Iterator[None]:
    places.lock.parent.mkdir(parents=True, exist_ok=True)
    with places.lock.open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise ApplianceError(
                f"another controller uses {places.state}", "give every container a state volume of its own"
            ) from None
        yield


@contextmanager
def _pid(places: Places) -> Iterator[None]:
    places.controller_pid.write_text(f"{os.getpid()}\n")
    try:
        yield
    finally:
        with contextlib.suppress(FileNotFoundError):
            places.controller_pid.unlink()
