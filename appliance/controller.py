"""The order of things: every archive has a lane, all lanes share the downstreams."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Iterable
from functools import partial

from appliance import log, words
from appliance.bell import Bell
from appliance.errors import ApplianceError
from appliance.joining.guest import Guest
from appliance.joining.host import Host
from appliance.lanes.lane import Lane
from appliance.lanes.requests import new_request
from appliance.lasting import lasting
from appliance.notices.notices import Notices
from appliance.places import Places
from appliance.records import Member, Request
from appliance.run.reach import probe
from appliance.served.countries import Countries
from appliance.served.hits import Hits
from appliance.served.redirected import Redirected
from appliance.settings import Settings
from appliance.store import Store
from appliance.tree.push import Push
from appliance.tree.watch import Watch
from appliance.volume import Volume

__all__ = ["Controller", "Lane", "new_request"]


class Controller:
    """Every archive's lane, and what they share."""

    def __init__(self, settings: Settings, places: Places, store: Store) -> None:
        self.settings, self.places, self.store = settings, places, store
        self.bell = Bell()
        store.on_change = self.bell.ring
        self.notices = Notices(settings, places, store)
        self.watch = Watch(settings, places, store, self.bell.ring)
        self.hits = Hits(places)
        self.countries, self.redirected = Countries(settings.geoip), Redirected()
        self.push = Push(settings, places, store, self._news)
        self.host = Host(settings, places, store, self._welcome)
        self.volume = Volume(places, settings.reserve)
        self.guest = Guest(settings, places, partial(probe, places), self._let_in)
        self.lanes = {
            name: Lane(settings, places, store, self.push, name, self._news, self.volume, self.guest)
            for name in settings.archives
        }

    async def run(self) -> None:
        """Work until cancelled; open requests of an earlier life are served like new ones."""
        try:
            for run in self.store.interrupt(time.time()):
                log.trouble("run was interrupted, its requests run again", archive=run.archive, run=run.id)
        except sqlite3.Error as error:  # the next run of each archive does it
            log.trouble("the store cannot be written, archives are served meanwhile", reason=str(error))
        self._tell_faults()
        await self.push.start()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._stop_pushing())
            group.create_task(lasting("notices", self.notices.work))
            group.create_task(lasting("hits", self.hits.work))
            group.create_task(lasting("countries", self.countries.work))
            group.create_task(lasting("watch", self.watch.work))
            group.create_task(lasting("membership", self.guest.work))
            group.create_task(lasting("members", self.host.in_force.work))
            for lane in self.lanes.values():
                group.create_task(lane.work())

    async def _stop_pushing(self) -> None:
        """At the end; beside the lanes, which may take their time to end as well."""
        try:
            await asyncio.Event().wait()
        finally:
            await self.push.stop()

    def _news(self) -> None:
        """A run has ended, or a downstream was told, or could not be."""
        self.notices.look()
        self.watch.news()
        self.bell.ring()

    def _let_in(self, archives: Iterable[str]) -> None:
        """The upstream that has invited us lets us fetch these."""
        self.accept([new_request(name, "all", "schedule", "membership") for name in archives if name in self.lanes])

    def accept(self, requests: Iterable[Request]) -> None:
        """Make requests durable, then wake their archives. Requests for archives we do not have are answered 78."""
        known = list(requests)
        self.store.add(known)
        self.store.answer([r for r in known if r.archive not in self.lanes], words.UNKNOWN_ARCHIVE, "no such archive")
        for request in known:
            if request.source == "ssh":
                self.guest.triggered(request.by.partition(" ")[0])
            if request.archive in self.lanes:
                self.lanes[request.archive].wake()
            # A sign of life: a mirror that we trigger, and that triggers us, has one name here.
            self.push.revive(request.by.partition(" ")[0])

    def tell_again(self, archive: str, downstream: str | None) -> list[str]:
        """Push what is published, also to who has it; returns the names. Raises ApplianceError when nobody is meant."""
        self._lane(archive)
        state = self.store.archive(archive)
        if not state.publication:
            raise ApplianceError(f"{archive} was never published", "sync it first, or publish it at the origin")
        everyone = self.settings.downstreams_of(archive)
        names = [one.name for one in everyone if downstream in (None, one.name)]
        if not names:
            raise ApplianceError(f"no such downstream for {archive}", "MIRROR_DOWNSTREAMS names them")
        self.push.spread(archive, state.publication, state.serial, again=names)
        return names

    def _welcome(self, member: Member) -> None:
        """Tell who has joined, or has moved, of what is published already."""
        for archive in member.carries if member.ssh else ():
            state = self.store.archive(archive)
            if archive in self.lanes and state.publication:
                self.push.spread(archive, state.publication, state.serial, again=[member.name])

    def repair(self, archive: str, paths: Iterable[str]) -> str:
        """Have files fetched again, by a run of their own; returns its request's id. Raises ApplianceError."""
        if self._lane(archive).is_origin:
            raise ApplianceError(
                f"{archive} begins here", "there is nobody to fetch from: write the files anew, publish"
            )
        self.store.repair(archive, paths)
        request = new_request(archive, "all", "cli", "mirrorctl")
        self.accept([request])
        return request.id

    def pause(self, archive: str) -> bool:
        """Let requests wait, whoever sends them; the run that is under way goes on. False when they do already."""
        self._lane(archive)
        changed = self.store.pause(archive, time.time())
        if changed:
            log.event("paused, requests wait", archive=archive)
        return changed

    def resume(self, archive: str) -> bool:
        """Serve what has waited. False when nothing was paused."""
        lane = self._lane(archive)
        changed = self.store.resume(archive)
        if changed:
            log.event("resumed", archive=archive)
        lane.wake()
        return changed

    def _lane(self, archive: str) -> Lane:
        """Raises ApplianceError when there is no such archive."""
        if archive not in self.lanes:
            raise ApplianceError(f"no archive {archive!r}", f"there are: {', '.join(self.lanes)}")
        return self.lanes[archive]

    def reload(self, settings: Settings, afresh: bool = True) -> None:
        """Take over what mounted files say now: keys, secrets, downstreams, countries; and who is a member.

        If only that has changed, not ``afresh``: connections to all others are kept.
        """
        self.settings = settings
        self.countries.take_over(settings.geoip)
        for lane in self.lanes.values():
            lane.take_over(settings)
        if afresh:
            self._tell_faults()
        self.push.take_over(settings, afresh)
        for lane in self.lanes.values():
            lane.catch_up()
        self.watch.take_over(settings)
        self.notices.take_over(settings)
        self.guest.take_over(settings)
        self.host.take_over(settings)
        self.bell.ring()

    def _tell_faults(self) -> None:
        """A bad line of a stock list stops no other, so somebody has to be told of it."""
        for name in self.lanes:
            for fault in self.settings.mirror_list(name).faults:
                log.trouble("mirror list has a line nobody can read", archive=name, fault=fault)
