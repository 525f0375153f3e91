"""Tell the downstreams: all at once, each on its own, until they know (PROTOCOL sections 1.1, 1.4 and 6).

Stage 1 has a barrier: it is over when the last downstream has its payload, could not be reached, or the push timeout
has passed. Everything else is a delivery: told until told, or until a newer publication supersedes it.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Collection
from typing import Final

from appliance import commands, log, ssh, words
from appliance.commands import Outcome
from appliance.places import Places
from appliance.records import Delivery
from appliance.settings import Downstream, Settings
from appliance.store import Store

FIRST_RETRY: Final = 5.0
LAST_RETRY: Final = 900.0
"""Seconds between two attempts to tell one downstream: doubled each time, from the first to the last."""

UNREACHABLE: Final = 255
"""ssh's own exit code for everything that is not the remote command's."""

_BUSY: Final = 1


class Push:
    """The downstreams and what each of them has been told. ``settings`` is replaced by a reload."""

    def __init__(self, settings: Settings, places: Places, store: Store) -> None:
        self.settings = settings
        self._places, self._store = places, store
        self._places_free = asyncio.Semaphore(settings.push_concurrency)
        self._lines: dict[tuple[str, str], asyncio.Lock] = {}
        self._prepared: dict[str, set[str]] = {}
        self._telling: dict[tuple[str, str], asyncio.Task[None]] = {}

    def of(self, archive: str) -> list[Downstream]:
        """The downstreams that carry an archive."""
        return [one for one in self.settings.downstreams if not one.archives or archive in one.archives]

    async def stage1(self, archive: str) -> None:
        """Have every staged downstream fetch the payload; returns when the last of them has, or at the push timeout."""
        waiting = {
            asyncio.create_task(self._prepare(one, archive)): one for one in self.of(archive) if one.push != "all"
        }
        if not waiting:
            return
        _, late = await asyncio.wait(waiting, timeout=self.settings.push_timeout)
        for absent in late:
            # Not cancelled: its stage 2 waits for it on the same line, and a slow transfer is not lost work.
            log.trouble("stage 1 not finished in time, going on", archive=archive, downstream=waiting[absent].name)

    async def _prepare(self, one: Downstream, archive: str) -> None:
        outcome = await self._tell(one, archive, "stage1")
        if outcome.ok:
            self._prepared.setdefault(archive, set()).add(one.name)
        else:
            log.trouble("stage 1 not delivered", archive=archive, downstream=one.name, reason=reason(outcome))

    def spread(self, archive: str, publication: int, serial: str | None, again: Collection[str] = ()) -> None:
        """Tell everyone who does not know yet of this publication, in the background; who is in ``again`` anyway."""
        for one in self.of(archive):
            known = self._store.delivery(one.name, archive)
            if known and known.publication == publication and one.name not in again:
                continue
            self._store.deliver(one.name, archive, publication, serial, time.time())
            self._start(one, archive)

    def resume(self) -> None:
        """Go on with what was owed before a restart or a reload; forget who is no longer a downstream."""
        wanted = {one.name: one for one in self.settings.downstreams}
        for owed in self._store.deliveries():
            if owed.downstream not in wanted:
                self._store.forget_downstream(owed.downstream)
            elif owed.state != "delivered" and (owed.downstream, owed.archive) not in self._telling:
                self._start(wanted[owed.downstream], owed.archive)

    async def stop(self) -> None:
        """End every ssh; what was owed stays owed."""
        for telling in self._telling.values():
            telling.cancel()
        await asyncio.gather(*self._telling.values(), return_exceptions=True)

    def _start(self, one: Downstream, archive: str) -> None:
        key = (one.name, archive)
        if running := self._telling.pop(key, None):
            running.cancel()
        telling = self._telling[key] = asyncio.create_task(self._deliver(one, archive))
        telling.add_done_callback(lambda done: self._telling.pop(key) if self._telling.get(key) is done else None)

    async def _deliver(self, one: Downstream, archive: str) -> None:
        attempts = 0
        while owed := self._store.delivery(one.name, archive):
            attempts += 1
            stage = self._stage_of(one, archive)
            self._store.tell(owed, "pushing", owed.error, None, attempts)
            outcome = await self._tell(one, archive, stage)
            if outcome.ok:
                self._delivered(owed, attempts)
                return
            await self._failed(owed, outcome, attempts)

    def _stage_of(self, one: Downstream, archive: str) -> str:
        """Stage 2 for who has stage 1 of this round; everything for everyone else, and for every later attempt."""
        prepared = self._prepared.get(archive, set())
        if one.name not in prepared:
            return "all"
        prepared.discard(one.name)
        return "stage2"

    def _delivered(self, owed: Delivery, attempts: int) -> None:
        self._store.tell(owed, "delivered", attempts=attempts)
        log.event(
            "delivered", archive=owed.archive, downstream=owed.downstream, serial=owed.serial,
            seconds=round(time.time() - owed.since, 2),
        )  # fmt: skip

    async def _failed(self, owed: Delivery, outcome: Outcome, attempts: int) -> None:
        pause = min(LAST_RETRY, FIRST_RETRY * 2 ** (attempts - 1)) * random.uniform(0.8, 1.2)
        self._store.tell(owed, "failing", reason(outcome), time.time() + pause, attempts)
        if attempts == 1:
            log.trouble("not delivered", archive=owed.archive, downstream=owed.downstream, reason=reason(outcome))
        await asyncio.sleep(pause)

    async def _tell(self, one: Downstream, archive: str, stage: str) -> Outcome:
        """One ssh, never two at once to the same downstream for the same archive."""
        line = self._lines.setdefault((one.name, archive), asyncio.Lock())
        wire_name = archive if one.remote_archive is None else one.remote_archive
        command = words.write(wire_name, stage, mhop=one.push == "mhop" and stage != "all")
        async with line, self._places_free:
            return await commands.run(
                self.ssh_argv(one, command), deadline=self.settings.push_deadline, env={"HOME": str(self._places.run)}
            )

    def ssh_argv(self, one: Downstream, command: str) -> list[str]:
        """The ssh command line of one trigger; the remote command is one argument."""
        key = self._places.downstream_key(one.name) if one.key else None
        client = ssh.client(self.settings, self._places, user=one.user, port=one.port, key=key, more=one.options)
        return [*client, "-n", "-T", one.host, command]


def reason(outcome: Outcome) -> str:
    """Why a downstream was not told, in one line with the cure where there is one."""
    said = outcome.last_words
    if "Host key verification failed" in outcome.stderr or "No ED25519 host key is known" in outcome.stderr:
        return (
            "its host key is not the pinned one; put the line that `mirrorctl keys` prints there in MIRROR_KNOWN_HOSTS"
        )
    if "Permission denied" in outcome.stderr:
        return "it refuses our key; hand it the line that `mirrorctl keys` prints here"
    if outcome.code == UNREACHABLE:
        return f"not reachable: {said}"
    if outcome.code == commands.TIMED_OUT:
        return f"no end after {outcome.seconds:.0f} s"
    if outcome.code == words.UNKNOWN_ARCHIVE:
        return f"it does not carry the archive: {said}"
    if outcome.code == _BUSY:
        return f"it is busy: {said}"
    return f"its sync failed with exit {outcome.code}: {said}"
