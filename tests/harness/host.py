"""Machines of their own, as the README has them: a directory with one compose file, and a name that leads to its ports.

Each machine is a network of the engine: the ports of its mirror are published on the network's gateway, which is
where its name leads. Every mirror is in all the networks, because the engine lets nobody through from one to another.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Self

import docker
from docker.models.networks import Network
from docker.types import IPAMConfig, IPAMPool

from tests.ground import engine, sweep
from tests.ground.console import run
from tests.ground.images import PRODUCT
from tests.harness.lone import LABELS
from tests.harness.node import Node
from tests.harness.project import Project

SERVICE: Final = "mirror"


class Hosts:
    """The machines, by their names. Leaving the block removes them and what runs on them."""

    def __init__(self, names: Sequence[str], directory: Path) -> None:
        self._client, self._directory = docker.from_env(timeout=600), directory
        self._networks: dict[str, Network] = {}
        self._names = names

    def __enter__(self) -> Self:
        self._sweep()
        for name in self._names:
            project = _project(name)
            pool = IPAMPool(subnet=Project(project, (), ()).subnet())
            self._networks[name] = self._client.networks.create(
                project, driver="bridge", labels=LABELS, ipam=IPAMConfig(pool_configs=[pool])
            )
        return self

    def __exit__(self, *_: object) -> None:
        self._sweep()

    def _sweep(self) -> None:
        for name in self._names:
            sweep.project(_project(name))
        for network in self._client.networks.list(names=[_project(name) for name in self._names]):
            network.remove()

    def address(self, name: str) -> str:
        """Where a machine's name leads."""
        network = self._networks[name]
        network.reload()
        return str(network.attrs["IPAM"]["Config"][0].get("Gateway") or _first(network))

    def up(self, name: str, text: str, told: Mapping[str, str]) -> Node:
        """Paste a compose file into an empty directory, put in what is ``told``, and start it; its mirror, healthy.

        It is the text as it is, but for our image's name, and the machine's address in front of its ports.
        """
        for old, new in {**told, "image: push-mirror\n": f"image: {PRODUCT}\n"}.items():
            assert old in text, f"{old!r} is not in\n{text}"
            text = text.replace(old, new)
        text = re.sub(r'"(\d+:\d+)"', rf'"{self.address(name)}:\1"', text)
        here = self._directory / name
        here.mkdir(exist_ok=True)
        (here / "compose.yaml").write_text(text)
        (here / "around.yaml").write_text(json.dumps(self._around()))
        return self.type(name, "docker compose up -d\n", {})

    def type(self, name: str, lines: str, told: Mapping[str, str]) -> Node:
        """Type lines of the README in a machine's directory; its mirror behind them, healthy."""
        for old, new in {**told, "docker compose": " ".join(engine.compose())}.items():
            assert old in lines, f"{old!r} is not in\n{lines}"
            lines = lines.replace(old, new)
        where = {"COMPOSE_PROJECT_NAME": _project(name), "COMPOSE_FILE": "compose.yaml:around.yaml"}
        run("sh", "-ec", f"cd {self._directory / name}\n{lines}", environment=where)
        node = self.node(name)
        node.wait_healthy()
        return node

    def volume(self, name: str) -> str:
        """What the volume with a machine's state is called."""
        return f"{_project(name)}_state"

    def node(self, name: str) -> Node:
        """The machine's mirror as it is now."""
        label = [f"{sweep.PROJECT}={_project(name)}"]
        (found,) = self._client.containers.list(filters={"label": label})
        return Node(name, found)

    def _around(self) -> dict[str, Any]:
        """What the world around the machines does: names lead to addresses."""
        names = [f"{name}:{self.address(name)}" for name in self._networks]
        networks = {f"of{number}": network.name for number, network in enumerate(self._networks.values())}
        return {
            "services": {SERVICE: {"extra_hosts": names, "networks": [*networks], "labels": LABELS}},
            "networks": {key: {"external": True, "name": name} for key, name in networks.items()},
        }


def _project(name: str) -> str:
    """A compose project, and a network, for each machine."""
    return sweep.named(name.partition(".")[0])


def _first(network: Network) -> str:
    return str(network.attrs["IPAM"]["Config"][0]["Subnet"]).rpartition(".")[0] + ".1"
