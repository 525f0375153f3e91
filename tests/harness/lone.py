"""A single container of the product without compose, for what needs no neighbours."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Final, Self

import docker
from docker.models.containers import Container

from tests.ground import sweep
from tests.ground.images import PRODUCT
from tests.harness.node import Node

LABELS: Final = {sweep.LONE: sweep.WORKER}
"""By these the sweep finds what a killed run left."""

TMPFS: Final = {"/run": "mode=1777", "/tmp": "mode=1777"}
ORIGIN: Final[Mapping[str, str]] = {"MIRROR_NAME": "lone", "MIRROR_ARCHIVES__DEBIAN__COMMENT": "an origin"}
"""The least that starts."""


def new_volume(size: str = "") -> str:
    """A volume that the sweep removes; with a ``size`` it is in memory, there as long as any container has it."""
    options = {"type": "tmpfs", "device": "tmpfs", "o": f"mode=1777,size={size}"} if size else {}
    return str(docker.from_env().volumes.create(driver_opts=options, labels=LABELS).name)


class Lone(Node):
    """Runs hardened as in production; leaving the block removes it and its anonymous volumes.

    ``labels`` are those of who sweeps it; by default the process of the topology does.
    """

    def __init__(self, environment: Mapping[str, str] = ORIGIN, **options: Any) -> None:
        client = docker.from_env(timeout=600)
        hardened: dict[str, Any] = {
            "read_only": True,
            "cap_drop": ["ALL"],
            "security_opt": ["no-new-privileges:true"],
            "tmpfs": TMPFS,
            "publish_all_ports": True,
            "labels": LABELS,
        }
        self.started_at = time.monotonic()
        container: Container = client.containers.run(
            PRODUCT, detach=True, environment=dict(environment), **{**hardened, **options}
        )
        super().__init__("lone", container)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.container.remove(force=True, v=True)

    def exit_code(self, deadline: int = 120) -> int:
        """The status the container ends with."""
        return int(self.container.wait(timeout=deadline)["StatusCode"])
