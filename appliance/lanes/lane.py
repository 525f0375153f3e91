"""One archive: its requests become runs, one at a time.

idle ──request──▶ running ──▶ idle        requests that come during a run wait, and become exactly one more run
                     │
                     └─fails─▶ waiting ──▶ running     what is worth another try is requested again, later
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from appliance import log, words
from appliance.commands import Verdict
from appliance.errors import ApplianceError, SyncError
from appliance.joining.guest import Guest
from appliance.lanes.answers import Answers
from appliance.lanes.below import Below
from appliance.lanes.ends import Ends
from appliance.lanes.requests import is_due, permits_of, together
from appliance.lasting import lasting
from appliance.places import Places
from appliance.records import Request
from appliance.run.change import Change
from appliance.run.chronicle import Chronicle
from appliance.run.figures import Figures, Reports
from appliance.run.progress import Meter
from appliance.run.upstreams import Upstreams
from appliance.settings import Settings
from appliance.settings.public import NOWHERE
from appliance.store import Store
from appliance.sync.staging import Staging
from appliance.tree.bookkeeping import dispensable
from appliance.tree.push import Push
from appliance.volume import Volume, gone, is_gone


class Lane:
    """One archive: its waiting requests, its run, its retries."""

    def __init__(
        self,
        settings: Settings,
        places: Places,
        store: Store,
        push: Push,
        name: str,
        on_end: Callable[[], None],
        volume: Volume,
        guest: Guest,
    ) -> None:
        self.name = name
        self._volume, self._guest = volume, guest
        self.figures: Figures | None = None
        self.meter: Meter | None = None
        self._settings, self._places, self._store = settings, places, store
        self._on_end = on_end
        self.upstreams = Upstreams(places, name)
        self._wake, self._news = asyncio.Event(), asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._answers = Answers(store, name)
        self._ends = Ends(store, name, self._answers)
        self.below = Below(store, push, name)

    @property
    def is_origin(self) -> bool:
        """True when the archive begins here."""
        return self._settings.archives[self.name].upstream is None

    @property
    def is_gone(self) -> bool:
        """True when something was published and nothing is there: its volume is not mounted."""
        state = self._store.archive(self.name)
        return bool(state.published or state.publishing) and is_gone(self._places, self.name)

    def _be_there(self, anew: bool) -> None:
        """Raises SyncError when the archive's volume is not there, unless it shall begin ``anew``."""
        if not self.is_gone:
            return
        if not anew:
            raise gone(self.name)
        log.event("the archive begins anew on an empty volume", archive=self.name)
        # Who follows our journal would not be told of what went meanwhile.
        Chronicle(self._places, self.name, self._settings.name).begin_anew()
        self._store.begin_anew(self.name)
        self._places.archive(self.name).mkdir(exist_ok=True)

    def take_over(self, settings: Settings) -> None:
        """Use these settings from the next run on."""
        self._settings = settings

    def catch_up(self) -> None:
        """Tell what is published to who does not know of it, as one that has just become a downstream."""
        with dispensable():
            self.below.tell()

    def wake(self) -> None:
        """There may be a new request."""
        self._wake.set()
        self._news.set()

    async def idle(self) -> None:
        """Return when no run is under way."""
        await self._idle.wait()

    async def served(self) -> None:
        """Return at the end of a run."""
        await self._answers.given()

    async def answer(self, id: str) -> Request:
        """Wait until a request is answered. Raises KeyError when nobody knows it."""
        return await self._answers.to(id)

    async def work(self) -> None:
        """Serve the archive's requests for ever; the state before a crash is brought to an end first."""
        with log.about(archive=self.name):
            await self._begin()
            # A full state volume stops syncs, and nothing else: archives are served meanwhile.
            await lasting("archive", self._work)

    async def _begin(self) -> None:
        try:
            await self._finish_interrupted()
            self.below.tell()  # who died right behind a publication told nobody, and the upstream may be gone by now
        except (ApplianceError, OSError, sqlite3.Error) as error:
            log.trouble("publication not finished yet, the next run tries again", reason=str(error))
        except Exception:  # the next run meets it again, and tells of it
            log.fault("publication not finished yet, by a fault of the appliance itself")

    async def _work(self) -> None:
        while True:
            await self._next()

    async def _next(self) -> None:
        """Serve what is due, or wait for something."""
        self._wake.clear()
        waiting = [] if self._rests() else self._store.open_requests(self.name)
        due = [request for request in waiting if is_due(request, time.time())]
        if due:
            await self._serve(together(due, waiting))
        else:
            with suppress(TimeoutError):
                async with asyncio.timeout(waiting[0].due - time.time() if waiting else None):
                    await self._wake.wait()

    def _rests(self) -> bool:
        """Whether requests wait, however long: until somebody resumes, or until the upstream lets us in."""
        return self._store.paused(self.name) is not None or self._guest.holds(self.name)

    async def _finish_interrupted(self) -> None:
        unfinished = self._store.archive(self.name).publishing
        run = self._store.run(unfinished) if unfinished else None
        if run:
            if self.is_gone:
                raise gone(self.name)
            await Change(self._settings, self._places, self._store, self.name, run).finish_publication()
            state = self._store.archive(self.name)
            log.event("publication finished after a restart", archive=self.name, run=run.id, serial=state.serial)
            self.below.tell()

    async def _serve(self, requests: list[Request]) -> None:
        to_the_end = any(request.stage != "stage1" for request in requests) or self.is_origin
        kind = "publish" if self.is_origin else "sync" if to_the_end else "stage1"
        trigger = requests[0].source
        self._store.interrupt(time.time(), self.name)
        id = self._store.begin(self.name, kind, trigger, requests, time.time())
        with log.about(archive=self.name, run=id):
            log.event("run starts", kind=kind, by=", ".join(sorted({r.by for r in requests})))
            await self._carry_out(id, requests, to_the_end)

    async def _carry_out(self, id: int, requests: list[Request], to_the_end: bool) -> None:
        """The run from its begin to its end, whatever happens in it."""
        with self._under_way(id) as figures:
            try:
                change = await self._change(id, requests, figures, to_the_end)
                if self.is_origin:
                    published = await self._publish(change, requests)
                else:
                    published = await self._sync(change, requests, to_the_end)
            except Exception as error:
                await self._ends.bad(id, figures, requests, self._explained(error))
            else:
                await self._succeeded(id, change, requests, published)

    @contextmanager
    def _under_way(self, id: int) -> Iterator[Figures]:
        """A run, as others see it."""
        self._idle.clear()
        self._news.clear()
        figures = self.figures = Figures()
        self.meter = Meter(id, figures, Staging(self._places.staging(self.name)))
        try:
            yield figures
        finally:
            self.figures = self.meter = None
            self._idle.set()
            self._ends.count(figures)
            self._on_end()

    def _explained(self, error: Exception) -> ApplianceError:
        """What ended a run, in our words. A fault of ours must not make the container restart into it for ever."""
        if isinstance(error, ApplianceError):
            return self._guest.explained(self.name, error)
        if isinstance(error, OSError | sqlite3.Error):
            return self._local(error)
        log.fault("run hit a fault of the appliance itself")
        return ApplianceError(f"{type(error).__name__}: {error}")

    def _local(self, error: OSError | sqlite3.Error) -> SyncError:
        """A disk of ours that is full or ill: whoever makes room wants to see it used."""
        fact, volume = f"{self._places.store}: {error}", "state volume"
        if isinstance(error, OSError):
            fact, volume = f"{error.filename or self._places.archive(self.name)}: {error.strerror}", "volume"
        return SyncError(fact, f"check the space, the inodes and the permissions of the {volume}", Verdict.LOCAL)

    async def _change(self, id: int, requests: list[Request], figures: Figures, to_the_end: bool) -> Change:
        """The run with the upstream that it is to use. Raises SyncError when there is no place for it."""
        run, permits = self._store.run(id), permits_of(requests)
        assert run
        self._be_there(anew=permits.rollback)
        await self._finish_interrupted()
        ours = None if permits.rollback else self._store.archive(self.name).serial
        settings = await self.upstreams.choose(self._settings, ours, not to_the_end or permits.rollback)
        return Change(settings, self._places, self._store, self.name, run, permits, figures, self._volume)

    async def _publish(self, change: Change, requests: list[Request]) -> bool:
        serial = await change.publish_origin()
        log.event("published", serial=serial)
        await self._answers.settle([request for request in requests if request.stage == "stage1"], words.DONE)
        await self.below.prepare()
        return True

    async def _sync(self, change: Change, requests: list[Request], to_the_end: bool) -> bool:
        early = [request for request in requests if request.stage == "stage1"]

        async def payload_is_here() -> None:
            if any(request.mhop for request in early):
                await self.below.prepare()
            await self._answers.settle(early, words.DONE)

        reports = Reports(payload_is_here, self.below.prepare_for, self._news, self.below.is_staged)
        return await change.sync(to_the_end, reports)

    async def _succeeded(self, id: int, change: Change, requests: list[Request], published: bool) -> None:
        state = self._store.archive(self.name)
        if full := any(request.stage != "stage1" for request in requests):
            self.below.synced(change.after_push)
            if not self.is_origin:
                await change.prune()
        self._ends.good(id, change.figures, published, state.serial)
        if any(request.callback for request in requests):
            self.below.call_back()
        carried = f"{words.CARRIES} {state.serial}" if full and state.serial else ""
        pushed = [request for request in requests if request.source == "ssh"]
        await self._answers.settle(pushed, words.DONE, f"{carried} {self._site}".rstrip() if carried else "")
        await self._answers.settle(requests, words.DONE, carried)

    @property
    def _site(self) -> str:
        """Where users find the archive here, as far as we know; empty when they do not."""
        root = self._settings.public.http
        return "" if root == NOWHERE else f"{root}/{self.name}"
