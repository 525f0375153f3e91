"""Three tiers of stock's scripts. The product's web server serves their trees to readers, and only reads them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from tests.chaos.hands import Hands
from tests.chaos.tiers import Tiers
from tests.chaos.web import ARCHIVE, Web
from tests.stock import Mirror, Stock, variables
from tests.stock.mirror import DATA

SERVERS: Final = {"hub-stock": "hub-ours", "leaf-stock": "leaf-ours"}
MOUNTED: Final = "/archive"
PATIENCE: Final = {"RSYNC_EXTRA": "--timeout=10", "UIPSLEEP": "1", "UIPRETRIES": "3"}


class StockTiers(Tiers):
    """ftpsync and runmirrors as Debian ships them, with the options of a hub."""

    kind = "ftpsync"
    # Nothing there tries again by itself: what has not come soon never comes.
    patience = 0.3

    def build(self, place: Path) -> None:
        self.hands = self.stack.enter_context(Hands(self.world, {}))
        mounts = {os.fspath(place / ARCHIVE): {"bind": MOUNTED, "mode": "ro"}}
        origin = self.stack.enter_context(self.world.stock("origin-stock", volumes=mounts))
        origin.module(ARCHIVE, path=MOUNTED)
        origin.runmirrors(ARCHIVE, Stock.line("hub-stock", "mhop"), PUSHDELAY="10")
        self.origin: Stock = origin
        hub, leaf = (self._mirror(name, server) for name, server in SERVERS.items())
        self.mirrors = [hub, leaf]
        hub.ftpsync(ARCHIVE, Stock, origin.name, HUB="true", **PATIENCE)
        hub.module(ARCHIVE)
        hub.runmirrors(ARCHIVE, Stock.line(leaf.name, "staged"), PUSHDELAY="10")
        leaf.ftpsync(ARCHIVE, Stock, hub.name, **PATIENCE)

    def _mirror(self, name: str, server: str) -> Stock:
        volumes = {self.world.volume(): {"bind": DATA, "mode": "rw"}}
        mirror = self.stack.enter_context(
            self.world.stock(name, volumes=volumes, restart_policy={"Name": "unless-stopped"})
        )
        mirror.put(DATA, {ARCHIVE: None})
        # An archive without upstream: it is served, and nobody here publishes it.
        served = variables(ARCHIVE, comment="somebody else's")
        user = f"{Stock.owner}:{Stock.owner}"
        self.stack.enter_context(self.world.ours(server, served, volumes=volumes, user=user))
        return mirror

    def announce(self) -> None:
        self.origin.push(ARCHIVE)

    def web(self, mirror: Mirror) -> Web:
        return Web(self.world.address(SERVERS[mirror.name]))

    def serial(self) -> str:
        trace = (self.archive.root / "project/trace/origin").read_text()
        return trace.partition("Archive serial: ")[2].split()[0]

    def is_quiet(self, mirror: Mirror) -> bool:
        return mirror is self.origin or mirror.is_quiet(ARCHIVE)

    def is_current(self, mirror: Mirror) -> bool:
        return mirror is self.origin or super().is_current(mirror)
