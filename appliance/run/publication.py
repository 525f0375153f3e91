"""The publication of what was verified, and of an origin's tree: visible, recorded, and with its serial."""

from __future__ import annotations

import time
from collections.abc import Iterable

from appliance import digest
from appliance.meanwhile import meanwhile
from appliance.run.gone import doomed
from appliance.run.ground import Ground
from appliance.sync import publish, trace, verify
from appliance.sync.order import roots_of


class Publication:
    """One publication; what is on disk is all it needs, so that a crash at any point is followed by the same steps."""

    def __init__(self, ground: Ground) -> None:
        self._ground, self._staging, self._tree = ground, ground.staging, ground.tree

    async def publish(self, seal: verify.Seal) -> None:
        """Make visible what is staged and verified."""
        ground = self._ground
        ground.figures.enter("publish")
        names = await meanwhile(publish.staged, self._staging.index)
        roots = {path: seal.valid_until.get(path) for path in roots_of(ground.profile, names)}
        await meanwhile(ground.chronicle.note, [(path, None) for path in names])
        ground.store.publishing(ground.name, ground.run.id, seal.signed, roots)
        await self.finish()

    async def finish(self) -> None:
        """What is left to do of a publication that has begun, all of it or what a crash left."""
        ground = self._ground
        await meanwhile(publish.publish, self._staging.index, self._tree, ground.profile)
        await ground.hook(3)
        await meanwhile(lambda: trace.write(self._tree, ground.trace()))
        paths = ground.paths or ground.chronicle.paths()
        await meanwhile(ground.chronicle.record, paths, await doomed(ground.store, ground.name))
        await self._done(trace.serial_of(self._tree), ground.store.roots(ground.name))

    async def origin(self) -> str:
        """At an origin: the tree is written, give it its next serial; returns the serial."""
        ground = self._ground
        ground.figures.enter("publish")
        await ground.hook(1)
        serial = await meanwhile(lambda: trace.bump(self._tree, ground.trace()))
        await meanwhile(ground.chronicle.record_scan)
        await self._done(serial, roots_of(ground.profile, ground.chronicle.roots))
        await ground.hook(4)
        return serial

    async def _done(self, serial: str | None, roots: Iterable[str]) -> None:
        """It is visible; what its readers begin with is noted, so that it is known again where others serve it."""
        digests = await meanwhile(digest.newest, self._tree, list(roots))
        self._ground.store.published(self._ground.name, serial, time.time(), digests)
