"""The way of one change through one archive: plan, payload, index, verify, publish, trace, prune.

    plan ─▶ payload into the tree ─▶ [payload is here: the caller tells the tree] ─▶ index into staging
         ─▶ verify ─▶ publish, one rename after the other ─▶ trace ─▶ delete what has been gone long enough

Every step takes its truth from disk, so that after a crash at any point the next run only has to start over.
"""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from appliance import hooks, log
from appliance.commands import Verdict
from appliance.errors import SyncError
from appliance.places import Places
from appliance.reach import source_of, transport_of
from appliance.records import Run
from appliance.settings import Archive, Settings
from appliance.store import Store
from appliance.sync import fetch, plan, prune, publish, trace, verify
from appliance.sync.profile import HIERARCHY, roots_of
from appliance.sync.source import Source

LONGEST_PAUSE: Final = 15.0
"""Seconds between two looks at an upstream that is being updated."""

ATTEMPTS: Final = 4
"""So often one run plans before an upstream that keeps changing under it counts as a failure."""

PayloadIsHere = Callable[[bool, bool], Awaitable[None]]
"""Awaited when the payload is in the tree, with whether index files will follow, and whether any of it is new."""


@dataclass(slots=True)
class Figures:
    """What a run has done so far; ``stage`` is where it is now."""

    stage: str = "plan"
    payload: int = 0
    index: int = 0
    deleted: int = 0
    bytes: int = 0
    payload_seconds: float = 0
    index_seconds: float = 0


class Change:
    """One run of one archive."""

    def __init__(
        self, settings: Settings, places: Places, store: Store, name: str, run: Run, allow_deletes: bool = False
    ) -> None:
        self._settings, self._places, self._store = settings, places, store
        self._name, self._run, self._allow_deletes = name, run, allow_deletes
        self._archive: Archive = settings.archives[name]
        self._tree = places.archive(name)
        self._staging = fetch.Staging(places.staging(name))
        self.figures = Figures()

    async def sync(self, to_the_end: bool, payload_is_here: PayloadIsHere) -> bool:
        """Bring the archive to its upstream's state; True when something new was published.

        ``payload_is_here`` is awaited once the payload is in the tree, with whether index files will follow; without
        ``to_the_end`` the run is over then. Raises SyncError; what is published stays as it was.
        """
        await self._hook(1)
        try:
            async with asyncio.timeout(self._archive.deadline):
                return await self._attempts(to_the_end, payload_is_here)
        except TimeoutError:
            fact = f"no end after {self._archive.deadline} s, while in {self.figures.stage}"
            raise SyncError(fact, "a retry resumes it; raise DEADLINE if it needs longer", Verdict.NETWORK) from None

    async def _attempts(self, to_the_end: bool, payload_is_here: PayloadIsHere) -> bool:
        misfits: frozenset[str] = frozenset()
        for left in reversed(range(ATTEMPTS)):
            try:
                return await self._attempt(to_the_end, payload_is_here, misfits)
            except SyncError as error:
                if error.verdict is not Verdict.MOVED or not left:
                    raise
                misfits |= error.paths
        raise AssertionError("unreachable")

    async def _attempt(self, to_the_end: bool, payload_is_here: PayloadIsHere, misfits: frozenset[str]) -> bool:
        self._staging.prepare()
        source = source_of(self._settings, self._places, self._name)
        self.figures.stage = "plan"
        work = await plan.walk(source, self._tree, self._archive.profile)
        self._doom(work)
        await self._fetch_payload(source, work)
        await self._hook(2)
        if not to_the_end:
            await self._hook(3)
            trace.write_stage1(self._tree, self._trace())
            await self._hook(4)
        self.figures.stage = "tree"
        await payload_is_here(to_the_end and not work.empty, bool(work.payload))
        if not to_the_end:
            return False
        if work.updating:
            await self._until_quiet(source, work.updating)
        await self._fetch_index(source, work.insisting_on([*self._roots(), *misfits]))
        if not self._is_news(work):
            return False
        await self._publish(work)
        await self._hook(4)
        return True

    def _is_news(self, work: plan.Plan) -> bool:
        """Whether readers or downstreams get anything out of a publication: files, or the first one at all."""
        state = self._store.archive(self._name)
        first = not state.publication and work.upstream_files > 0
        return first or bool(state.unpublished) or bool(set(publish.staged(self._staging.index)) - {HIERARCHY})

    async def _until_quiet(self, source: Source, flags: tuple[str, ...]) -> None:
        """Wait for an upstream that changes its tree, then plan again; one that never ends has forgotten its flag."""
        self.figures.stage = "upstream"
        end, pause = time.monotonic() + self._archive.update_wait, 1.0
        while time.monotonic() < end:
            await asyncio.sleep(min(pause, max(0.0, end - time.monotonic())))
            if not await plan.updating(source):
                raise SyncError.moved(f"the upstream was being updated ({', '.join(flags)})")
            pause = min(2 * pause, LONGEST_PAUSE)
        if self._archive.profile != "debian" or self._archive.verify == "off":
            cure = "have it removed there, or wait: it is tried again by itself"
            raise SyncError(f"the upstream keeps its flag {', '.join(flags)} up", cure, Verdict.BUSY)
        log.trouble("the upstream keeps its flag up, verifying what it has", archive=self._name, flag=flags[0])

    def _roots(self) -> list[str]:
        """The files readers begin with: compared by content at every run."""
        known = [path for path in self._store.roots(self._name) if (self._tree / path).is_file()]
        return [*(path for path in known if not prune.below_link(self._tree, path)), *trace.roots(self._tree)]

    async def _fetch_payload(self, source: Source, work: plan.Plan) -> None:
        self.figures.stage, started = "payload", time.monotonic()
        self.figures.bytes += await fetch.payload(source, self._staging, self._tree, work.payload)
        count = sum(not change.directory for change in work.payload)
        if count:
            self._store.payload_came(self._name)
        self.figures.payload += count
        self.figures.payload_seconds += time.monotonic() - started

    async def _fetch_index(self, source: Source, work: plan.Plan) -> None:
        self.figures.stage, started = "index", time.monotonic()
        self._staging.keep_only(plan.paths(work.index))
        self.figures.bytes += await fetch.index(source, self._staging, self._tree, work.index)
        self._staging.drop_known(self._tree)
        self.figures.index += len(publish.staged(self._staging.index))
        self.figures.index_seconds += time.monotonic() - started

    async def _publish(self, work: plan.Plan) -> None:
        self.figures.stage = "verify"
        signed = None
        if self._archive.profile == "debian" and self._archive.verify != "off":
            view = verify.View(self._staging.index, self._tree, frozenset(work.delete))
            signed = await verify.verify(view, self._archive.keyring)
        self.figures.stage = "publish"
        self._store.keep_roots(self._name, roots_of(publish.staged(self._staging.index)))
        self._store.publishing(self._name, self._run.id)
        await self.finish_publication(signed)

    async def finish_publication(self, signed: bool | None = None) -> None:
        """Make what is staged and verified visible; called again after a crash, it does what was left to do."""
        publish.publish(self._staging.index, self._tree)
        await self._hook(3)
        trace.write(self._tree, self._trace())
        self._store.published(self._name, trace.serial_of(self._tree), time.time(), signed)

    async def publish_origin(self) -> str:
        """At an origin: the tree is written, give it its next serial; returns the serial."""
        self.figures.stage = "publish"
        await self._hook(1)
        serial = trace.bump(self._tree, self._trace())
        self._store.published(self._name, serial, time.time(), None)
        await self._hook(4)
        return serial

    async def after_push(self) -> None:
        """The downstreams have been told once: the last hook. Raises HookError."""
        await self._hook(5)

    async def _hook(self, point: int) -> None:
        figures, upstream = self.figures, self._archive.upstream
        facts: dict[str, hooks.Fact] = {
            "archive": self._name,
            "run": self._run.id,
            "kind": self._run.kind,
            "trigger": self._run.trigger,
            "tree": str(self._tree),
            "upstream": upstream.url if upstream else None,
            "serial": trace.serial_of(self._tree),
            "payload": figures.payload,
            "index": figures.index,
            "bytes": figures.bytes,
        }
        await hooks.call(self._settings.hooks, point, facts, self._settings.hook_deadline)

    def _doom(self, work: plan.Plan) -> None:
        known = self._store.doomed(self._name)
        guard = prune.Guard(len(set(work.delete) - known), work.upstream_files)
        holds = guard.holds and not self._allow_deletes
        cure = f"nothing is deleted; if that is right: mirrorctl sync {self._name} --allow-deletes"
        self._store.note(self._name, f"{guard}; {cure}" if holds else "")
        self._store.doom(self._name, known.intersection(work.delete) if holds else work.delete, time.time())

    def prune(self) -> None:
        """Delete what has been gone upstream for long enough; what cannot be deleted stays and stops nothing."""
        paths = self._store.overdue(self._name, time.time() - self._archive.grace)
        self.figures.deleted += prune.delete(self._tree, paths)
        self._store.buried(self._name, [path for path in paths if not os.path.lexists(self._tree / path)])
        self._staging.forget_partial()

    def _trace(self) -> trace.Trace:
        upstream, figures = self._archive.upstream, self.figures
        return trace.Trace(
            name=self._settings.name,
            host=socket.gethostname(),
            started=self._run.started,
            ended=time.time(),
            upstream=upstream.host if upstream else self._settings.name,
            trigger=self._run.trigger,
            transport=transport_of(self._settings, self._places, self._archive).word if upstream else "undefined",
            architectures=trace.architectures(self._tree),
            configuration=_configuration(self._archive),
            received=figures.bytes,
            stage1_seconds=round(figures.payload_seconds),
            stage2_seconds=round(figures.index_seconds),
            info=_info(self._settings),
        )


def _configuration(archive: Archive) -> str:
    """Which architectures were chosen, in stock's words (PROTOCOL section 4.1)."""
    if archive.arch_include:
        return "".join(f"{word} " for word in ("INCLUDE", *archive.arch_include))
    return "".join(f"{word} " for word in ("EXCLUDE", *archive.arch_exclude)) if archive.arch_exclude else "ALL"


def _info(settings: Settings) -> tuple[tuple[str, str], ...]:
    """The trace fields the operator gives, in the order stock writes them."""
    info = settings.info
    fields = {
        "Maintainer": info.maintainer,
        "Sponsor": info.sponsor,
        "Country": info.country,
        "Location": info.location,
        "Throughput": info.throughput,
    }
    return tuple((key, value) for key, value in fields.items() if value)
