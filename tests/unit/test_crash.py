"""The controller is killed at any moment of a publication: after its restart readers have the old state or the new."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import signal
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final

import pytest

from appliance.controller import Controller, new_request
from appliance.store import Store
from tests.unit.examples import examples
from tests.unit.house import House, until
from tests.unit.upstream import PACKERS, DebianTree, daemon, tree

POINTS: Final = examples(100)
NEVER: Final = 1 << 30
OLD: Final = "2026112101"
NEW: Final = "2026112102"

_CHANGES: Final = frozenset(
    ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link", "os.symlink", "os.chmod", "open", "subprocess.Popen")
)
"""What Python tells of before it is done, as far as it can change what a restart finds."""


@dataclass(frozen=True)
class Stage:
    """A mirror that has the old state, below an upstream that has the new one."""

    root: Path
    port: int
    states: dict[str, dict[str, str]]

    def house(self, root: Path, port: int = 0) -> House:
        """The mirror in the directory ``root``; with no upstream that answers unless it has a ``port``."""
        return House(
            root,
            port or 9,  # discard: nobody listens
            "below=ssh://m@below",
            {"MIRROR_ARCHIVES__DEBIAN__GRACE": "0", "MIRROR_ARCHIVES__DEBIAN__VERIFY": "full"},
        )

    def seen(self, house: House) -> str:
        """The serial of the state that readers have, all of it."""
        held = tree(house.tree)
        whole = [name for name, files in self.states.items() if files.items() <= held.items()]
        assert len(whole) == 1, {name: sorted(files.items() - held.items()) for name, files in self.states.items()}
        return whole[0]


async def ask(controller: Controller, id: str = "") -> int | None:
    """The answer to a new request, or to the one named."""
    request = new_request("debian", "all", "ssh", "hub")
    controller.accept([] if id else [request])
    async with asyncio.timeout(60):
        return (await controller.lanes["debian"].answer(id or request.id)).code


async def update(house: House) -> None:
    """One whole sync; a retry and nothing to do are as good."""
    async with house.open() as controller:
        for left in house.store.open_requests("debian"):
            await ask(controller, left.id)
        await ask(controller)
        state = house.store.archive("debian")
        await until(
            lambda: [one.serial for one in house.store.deliveries() if one.state == "delivered"] == [state.serial]
        )


def dying(stage: Stage, root: Path, point: int) -> None:
    """Sync in a child that ends itself at the point given; without one it writes down how many there were."""
    if child := os.fork():
        _, status = os.waitpid(child, 0)
        assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
        return
    status = 1
    try:
        steps = asyncio.run(_publish(stage.house(root, stage.port), point))
        (root / "steps").write_text(str(steps))
        status = 0
    finally:
        os._exit(status)


async def _publish(house: House, point: int) -> int:
    steps = 0
    async with house.open() as controller:
        lane = controller.lanes["debian"]

        def step(*_: Any) -> None:
            nonlocal steps
            steps += bool(lane.figures and lane.figures.stage in ("verify", "tree", "publish"))
            if steps >= point:
                os.kill(os.getpid(), signal.SIGKILL)

        def hear(event: str, facts: tuple[Any, ...]) -> None:
            if event in _CHANGES and (event != "open" or str(house.root) in str(facts[0])):
                step()

        # What is only read changes nothing, and the looks around the run come by the clock.
        house.store._db.set_trace_callback(lambda text: None if text.startswith("select") else step())
        sys.addaudithook(hear)
        await ask(controller)
        await until(lambda: not lane.below.besides)
        return steps


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    root = tmp_path_factory.mktemp("crash")
    origin = DebianTree(root / "origin", forms=tuple(PACKERS), sources=True)
    origin.release(OLD, hello="one", gone="gone")
    with daemon(root, {"debian": origin.root}) as port, pytest.MonkeyPatch.context() as patch:
        stage = Stage(root, port, {OLD: tree(origin.root)})
        house = stage.house(root / "house", port)
        house.record_ssh(patch)
        asyncio.run(update(house))
        house.store.close()
        del origin.packages["gone"]
        for name in ("gone.deb", "gone.dsc"):
            (origin.root / "pool" / name).unlink()
        origin.release(NEW, hello="a second one", world="one")
        stage.states[NEW] = tree(origin.root)
        yield stage


def copied(stage: Stage, old: Path, name: str, port: int = 0) -> House:
    for part in ("state", "data"):
        shutil.copytree(old / part, stage.root / name / part, symlinks=True)
    return stage.house(stage.root / name, port)


def _promised(root: Path) -> bool:
    """Whether the dead controller had written down that it publishes, or had done so."""
    store = Store(root / "state/store.sqlite3")
    state = store.archive("debian")
    store.close()
    return state.publishing is not None or state.serial == NEW


def survived(stage: Stage, point: int) -> tuple[str, int]:
    """Die at one point; what readers have after a restart without the upstream, and how many steps there were."""
    with pytest.MonkeyPatch.context() as patch:
        dead = copied(stage, stage.root / "house", f"{point}", stage.port)
        dead.record_ssh(patch)
        dead.store.close()
        dying(stage, dead.root, point)
        promised = _promised(dead.root)
        alone = copied(stage, dead.root, f"{point}-alone")
        alone.record_ssh(patch)
        asyncio.run(update(alone))
        found = stage.seen(alone)
        assert found == (NEW if promised else OLD)
        again = stage.house(dead.root, stage.port)
        asyncio.run(update(again))
        assert stage.seen(again) == NEW
        steps = dead.root / "steps"
        return found, int(steps.read_text()) if steps.exists() else 0


def test_killed_at_any_point_it_publishes_all_or_nothing(stage: Stage) -> None:
    _, steps = survived(stage, NEVER)
    points = [1, *random.Random(4).sample(range(2, steps), POINTS - 2), steps]
    with ProcessPoolExecutor(6, get_context("fork")) as pool:
        found = [state for state, _ in pool.map(partial(survived, stage), points)]
    # Between these, what is done beside each other comes in another order in another run.
    assert (found[0], found[-1]) == (OLD, NEW)
