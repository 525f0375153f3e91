"""A whole appliance without its container: settings, places and store around a real upstream, a recording ssh."""

from __future__ import annotations

import asyncio
import stat
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from appliance import commands, status
from appliance.controller import Controller, new_request
from appliance.doors.desk import Desk
from appliance.places import Places
from appliance.records import Request
from appliance.settings import Settings, load
from appliance.store import Store
from tests.unit.upstream import PATIENCE, DebianTree, tree

SSH = """#!/bin/sh
while [ "$1" = -n ] || [ "$1" = -T ] || [ "$1" = -F ] || [ "$1" = -o ]; do
    case $1 in -F|-o) shift ;; esac
    shift
done
echo "$1$2" >> {log}
[ -x {answers}/"$1" ] && exec {answers}/"$1" "$2"
exit 0
"""


@dataclass
class House:
    """One appliance whose upstream is the module ``debian`` on a port of this machine; port 0 makes it an origin."""

    root: Path
    port: int = 0
    downstreams: str = ""
    extra: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.places = Places(self.root / "run", self.root / "state", self.root / "data")
        for directory in (self.places.run, self.places.inbox, self.places.archive("debian"), self.answers):
            directory.mkdir(parents=True, exist_ok=True)
        self.store = Store(self.places.store)

    @property
    def environ(self) -> dict[str, str]:
        """The variables that configure it."""
        upstream = f"rsync://127.0.0.1:{self.port}/debian" if self.port else "none"
        return {
            "MIRROR_NAME": "leaf",
            "MIRROR_ARCHIVES__DEBIAN__UPSTREAM": upstream,
            "MIRROR_ARCHIVES__DEBIAN__POLL": "off",
            "MIRROR_PUSH_KEEP": "0",  # the recording ssh holds no connections
            **({"MIRROR_DOWNSTREAMS": self.downstreams} if self.downstreams else {}),
            **self.extra,
        }

    def settings(self) -> Settings:
        """What these come to."""
        return load(self.environ)

    @property
    def tree(self) -> Path:
        """The published archive."""
        return self.places.archive("debian")

    @property
    def carried(self) -> dict[str, str]:
        """What is published, without the traces that every mirror writes for itself."""
        own = {f"project/trace/{name}" for name in ("leaf", "_hierarchy", "_traces", "_hierarchy.mirror")}
        return {path: text for path, text in tree(self.tree).items() if path not in own}

    def holds(self, origin: DebianTree) -> bool:
        """Whether everything of an upstream is published here."""
        return tree(origin.root).items() <= tree(self.tree).items()

    @property
    def answers(self) -> Path:
        """A program per host that decides how its ssh ends."""
        return self.root / "answers"

    def answer(self, host: str, script: str) -> None:
        """Have the downstream ``host`` behave like this shell script."""
        program = self.answers / host
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(program.stat().st_mode | stat.S_IXUSR)

    @property
    def told(self) -> list[str]:
        """Every trigger sent so far, host and command, in order."""
        return self.log.read_text().splitlines() if self.log.exists() else []

    @property
    def log(self) -> Path:
        """Where the recording ssh writes them."""
        return self.root / "ssh.log"

    def record_ssh(self, patch: pytest.MonkeyPatch) -> None:
        """Put the recording ssh in front of the real one."""
        bin = self.root / "bin"
        bin.mkdir(exist_ok=True)
        (bin / "ssh").write_text(SSH.format(log=self.log, answers=self.answers))
        (bin / "ssh").chmod(0o755)
        path = f"{bin}:{commands.ENVIRONMENT['PATH']}"
        patch.setattr(commands, "ENVIRONMENT", {**commands.ENVIRONMENT, "PATH": path})

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Controller]:
        """The controller and its desk, working until the context ends."""
        controller = Controller(self.settings(), self.places, self.store)
        async with Desk(controller).open():
            working = asyncio.create_task(controller.run())
            try:
                yield controller
            finally:
                working.cancel()
                with suppress(asyncio.CancelledError):
                    await working


async def until(state: Callable[[], object]) -> None:
    """Return as soon as ``state`` holds; fails after PATIENCE."""
    async with asyncio.timeout(PATIENCE):
        while not state():
            await asyncio.sleep(0.01)


def played(house: House, scene: Callable[[Controller], Awaitable[object]]) -> None:
    """Open the house, play one scene in it, close it."""

    async def play() -> None:
        async with house.open() as controller:
            await scene(controller)

    asyncio.run(play())


async def ask(
    controller: Controller,
    stage: str = "all",
    mhop: bool = False,
    deletes: bool = False,
    rollback: bool = False,
    source: str = "ssh",
) -> Request:
    """Hand in one request and wait for its answer."""
    request = new_request("debian", stage, source, "hub", mhop)
    controller.accept([replace(request, allow_deletes=deletes, allow_rollback=rollback)])
    async with asyncio.timeout(PATIENCE):
        return await controller.lanes["debian"].answer(request.id)


def synced(house: House, deletes: bool = False, stage: str = "all") -> Request:
    """One sync from a start of the controller to its end, and its answer."""

    async def play() -> Request:
        async with house.open() as controller:
            return await ask(controller, stage, deletes=deletes)

    return asyncio.run(play())


def shown(controller: Controller) -> dict[str, Any]:
    """What the status says of the archive."""
    return dict(status.picture(controller)["archives"]["debian"])
