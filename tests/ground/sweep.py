"""Removing what the demo and the tests made, whichever run made it and however that ended."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Final

from tests.ground.console import output, run, succeeds
from tests.ground.images import BROWSER, HANDS, NAMESPACE, PEER, PRODUCT, PROMETHEUS, RUNNER, TOOLS, TOP

DEMO: Final = f"{NAMESPACE}-demo"
TESTS: Final = f"{NAMESPACE}-tests"
COMPOSE: Final = f"{NAMESPACE}-compose"
"""Of the compose file that operators get."""

KEYS: Final[Path] = TOP / "tests/topology/.keys"
"""Throw-away keys, one directory per project."""

WORKER: Final = os.environ.get("PYTEST_XDIST_WORKER", "alone")
"""Which of the processes that share the tests this is: each has containers of its own, and sweeps nobody else's."""

PROJECT: Final = "com.docker.compose.project"
STACK: Final = f"{COMPOSE}-stack"
STACKED: Final = f"com.docker.stack.namespace={STACK}"
"""Label of what belongs to the tests' stack of services."""
LONE: Final = f"{NAMESPACE}.tests"
"""Label of containers and volumes that tests make without compose."""
WORLD: Final = "world"
CHAOS: Final = "chaos"
"""Networks of mirrors of both kinds, ours and stock: of the tests of interoperation, and of the fault injection."""


def project(name: str) -> None:
    """Removes a compose project by its label, which finds the leftovers of an older compose file too, and its keys."""
    _remove(f"{PROJECT}={name}")
    shutil.rmtree(KEYS / name, ignore_errors=True)


def lone() -> None:
    """Removes what tests of this process made without compose."""
    _remove(mine(LONE))


def named(name: str) -> str:
    """The name of a network of mirrors of this process."""
    return f"{NAMESPACE}-{name}-{WORKER}"


def label(name: str) -> str:
    """Label of what is around a network of mirrors; its value is WORKER."""
    return f"{NAMESPACE}.{name}"


def world(name: str = WORLD) -> None:
    """Removes this process's network of mirrors of both kinds, and the mirrors."""
    _remove(mine(label(name)))


def swarm() -> None:
    """Leaves the swarm that a test made of this engine, and removes what ran in it; anybody else's stays."""
    if f'"{LONE}"' in output("docker", "info", "--format", "{{json .Swarm}}"):
        run("docker", "swarm", "leave", "--force")
    _remove(STACKED)


def everything() -> None:
    """Removes what any process of tests made without compose."""
    swarm()
    for each in (LONE, label(WORLD), label(CHAOS)):
        _remove(each)


def mine(label: str) -> str:
    """A label as the engine filters for it: what this process has made."""
    return f"{label}={WORKER}"


def images() -> None:
    """Removes the images we build; the base stays, it is the slow one and not ours alone."""
    for tag in (BROWSER, HANDS, RUNNER, TOOLS, PEER, PROMETHEUS, PRODUCT):
        succeeds("docker", "image", "rm", "--force", tag)


def _remove(label: str) -> None:
    for listing, removal in (
        (("ps", "--all", "--quiet"), ("rm", "--force", "--volumes")),
        (("network", "ls", "--quiet"), ("network", "rm")),
        (("volume", "ls", "--quiet"), ("volume", "rm", "--force")),
    ):
        found = output("docker", *listing, "--filter", f"label={label}").split()
        if found:
            run("docker", *removal, *found)
