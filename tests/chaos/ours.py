"""Our three tiers: an origin that is told by HTTP, a hub, a leaf, and a far leaf on small volumes that forgets soon."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any, Final

import docker

from tests.bench.archive import Shape
from tests.chaos.hands import Hands
from tests.chaos.tiers import SHAPE, Tiers, give_away
from tests.chaos.web import ARCHIVE, Web
from tests.ground.waiting import wait_for
from tests.stock import Mirror, Ours, variables
from tests.stock.mirror import DATA
from tests.stock.world import FILES, STATE

TOKEN: Final = "an-accident-waiting-to-happen"
ACCEPTED: Final = 202
NAMES: Final = ("origin-ours", "hub-ours", "leaf-ours", "far-ours")
GRACE: Final = "15s"
"""How long the far leaf keeps what is gone; the others keep it as they come, for longer than all of this takes."""
SMALL: Final = "size=160m,mode=1777"
"""The far leaf's volumes."""
PATIENCE: Final = {
    "MIRROR_PUSH_TIMEOUT": "10s",
    "MIRROR_PUSH_DEADLINE": "40s",
    "MIRROR_RSYNC_TIMEOUT": "15s",
    "MIRROR_HTTP_TRIGGERS__PERSON__TOKEN": TOKEN,
}
"""Deadlines that a test can wait for."""
TIMES: Final = {"poll": "off", "timeout": "10s", "deadline": "60s", "update_wait": "10s"}
CLOCK: Final = f"{FILES}/clock"
LIBRARY: Final = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1"
WRONG: Final = {
    "LD_PRELOAD": f"{FILES}/libfaketime.so.1",
    "FAKETIME_TIMESTAMP_FILE": CLOCK,
    "FAKETIME_CACHE_DURATION": "1",
    "FAKETIME_DONT_FAKE_MONOTONIC": "1",
}
"""A clock that can be set, for every program that keeps its environment; only what tells the time of day is wrong."""


class OurTiers(Tiers):
    """The product as it comes."""

    kind = "ours"

    @classmethod
    def shape(cls) -> Shape:
        return Shape(**{name: getattr(SHAPE, name) for name in SHAPE.__slots__} | {"testifies": False})

    def build(self, place: Path) -> None:
        give_away(place, Ours.owner)
        small = {name: self._small() for name in ("data", "state")}
        mounts = {volume: {"bind": f"/far/{name}", "mode": "rw"} for name, volume in small.items()}
        self.hands = self.stack.enter_context(Hands(self.world, mounts))
        origin, hub, leaf, far = NAMES
        own = {os.fspath(place): {"bind": DATA, "mode": "rw"}}
        self.origin = self._ours(origin, {"MIRROR_DOWNSTREAMS": Ours.downstream(hub, "mhop")}, volumes=own)
        below = " ".join(Ours.downstream(name, "staged") for name in (leaf, far))
        volumes = {small["data"]: {"bind": DATA, "mode": "rw"}, small["state"]: {"bind": STATE, "mode": "rw"}}
        self.hub = self._ours(hub, {"MIRROR_DOWNSTREAMS": below}, origin)
        self.leaf = self._ours(leaf, {}, hub)
        self.far = self._ours(far, variables(ARCHIVE, grace=GRACE), hub, volumes=volumes)
        self.mirrors = [self.hub, self.leaf, self.far]

    def _ours(self, name: str, settings: dict[str, str], upstream: str = "", **options: Any) -> Ours:
        place = {"upstream": Ours.upstream(upstream, ARCHIVE), **TIMES} if upstream else {"comment": "the beginning"}
        clock = self._clock() if name == "leaf-ours" else {}
        return self.stack.enter_context(
            self.world.ours(
                name,
                {**PATIENCE, **variables(ARCHIVE, **place), **settings, **(WRONG if clock else {})},
                clock,
                restart_policy={"Name": "unless-stopped"},
                **options,
            )
        )

    def _clock(self) -> dict[str, bytes]:
        library = subprocess.run(
            ["docker", "exec", f"{self.world.name}-hands", "cat", LIBRARY], capture_output=True, check=True
        )
        return {"libfaketime.so.1": library.stdout, "clock": b"+0s\n"}

    def _small(self) -> str:
        options = {"type": "tmpfs", "device": "tmpfs", "o": SMALL}
        volume = docker.from_env().volumes.create(driver="local", driver_opts=options, labels=self.world.labels)
        return str(volume.name)

    def announce(self) -> None:
        web = self.web(self.origin)
        # Accepted means answered: only an order without an answer is given once more.
        wait_for(lambda: web.post(f"trigger/{ARCHIVE}/{TOKEN}") == ACCEPTED, 60, "the origin accepts")

    def web(self, mirror: Mirror) -> Web:
        return Web(self.world.address(mirror.name))

    def serial(self) -> str:
        return self.web(self.origin).serial(self.origin.name)

    def is_current(self, mirror: Mirror) -> bool:
        return self.is_quiet(mirror) if mirror is self.origin else super().is_current(mirror)

    def is_quiet(self, mirror: Mirror) -> bool:
        state = self.web(mirror).status().get("archives", {}).get(ARCHIVE, {})
        return state.get("state") not in (None, "running") and not state["pending"]
