"""A compose project of the topology: its files, its keys, its subnet, and bringing it up and down."""

from __future__ import annotations

import ipaddress
import os
import sys
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

import docker

from tests.ground import engine, sweep
from tests.ground.console import StopError, run
from tests.ground.images import TOOLS, TOP

FILE: Final = TOP / "tests/topology/compose.yaml"
POOL: Final = ipaddress.IPv4Network("10.213.0.0/16")
"""Where the subnets of the projects come from; one that is in use already is passed over."""


@dataclass(frozen=True, slots=True)
class Project:
    """One compose project. `tree` names its mirrors as `topology-keys` wants them."""

    name: str
    files: tuple[Path, ...]
    tree: tuple[str, ...]

    @property
    def keys(self) -> Path:
        """Where the throw-away keys of this project are, one directory per node."""
        return sweep.KEYS / self.name

    def make_keys(self) -> None:
        """Makes the keys unless they are complete. Nodes read them at their start, so this comes first."""
        # The nodes run under uids of their own and must read; the closed door is the directory above.
        sweep.KEYS.mkdir(mode=0o700, exist_ok=True)
        self.keys.mkdir(exist_ok=True)
        mount = f"{self.keys}:/keys"
        run("docker", "run", "--rm", "--user", "0:0", "--network", "none", "--volume", mount, TOOLS,
            "topology-keys", "/keys", *self.tree)  # fmt: skip

    def up(self, services: Sequence[str] = (), variables: Mapping[str, str] | None = None) -> None:
        """Starts the services, all by default; one whose configuration changed is made anew, its volumes kept."""
        self._compose("up", "--detach", "--no-build", "--remove-orphans", *services, variables=variables)

    def down(self) -> None:
        """Removes containers, networks, volumes and keys; also those of a run that was killed."""
        sweep.project(self.name)

    def subnet(self) -> str:
        """The subnet of the project's network, or the first free one for a network yet to be made."""
        networks = _networks()
        for network in networks:
            if network.project == self.name and network.subnets:
                return str(network.subnets[0])
        taken = [subnet for network in networks for subnet in network.subnets] + _routes()
        for candidate in self._candidates():
            if not any(candidate.overlaps(subnet) for subnet in taken):
                return str(candidate)
        raise StopError(f"No free subnet in {POOL}")

    def _candidates(self) -> list[ipaddress.IPv4Network]:
        """Each project begins at a place of its own, so that two which look at the same moment do not want the same."""
        found = list(POOL.subnets(new_prefix=24))
        first = zlib.crc32(self.name.encode()) % len(found)
        return found[first:] + found[:first]

    def _compose(self, *words: str, variables: Mapping[str, str] | None = None) -> None:
        files = [word for path in self.files for word in ("--file", os.fspath(path))]
        environment = {"TOPOLOGY_KEYS": os.fspath(self.keys), "TOPOLOGY_SUBNET": self.subnet(), **(variables or {})}
        run(*engine.compose(), "--project-name", self.name, *files, *words, environment=environment)


class Network(NamedTuple):
    """A network of the engine."""

    project: str
    subnets: list[ipaddress.IPv4Network]


def _networks() -> list[Network]:
    """All of them by one answer of the engine: of two, somebody else's network may go in between."""
    found = [one.attrs for one in docker.from_env(timeout=600).networks.list()]
    return [Network((one["Labels"] or {}).get(sweep.PROJECT, ""), _subnets(one)) for one in found]


def _subnets(network: dict[str, Any]) -> list[ipaddress.IPv4Network]:
    ranges = [entry.get("Subnet", "") for entry in network["IPAM"]["Config"] or ()]
    return [ipaddress.IPv4Network(each) for each in ranges if each and ":" not in each]


def _routes() -> list[ipaddress.IPv4Network]:
    """What this machine routes somewhere already, its default route aside."""
    table = Path("/proc/net/route")
    rows = [line.split() for line in table.read_text().splitlines()[1:]] if table.exists() else []
    pairs = [(_address(row[1]), _address(row[7])) for row in rows]
    return [ipaddress.IPv4Network(f"{net}/{mask}", strict=False) for net, mask in pairs if int(mask)]


def _address(text: str) -> ipaddress.IPv4Address:
    """An address as the kernel prints it: hexadecimal, in the byte order of the machine."""
    return ipaddress.IPv4Address(int(text, 16).to_bytes(4, sys.byteorder))
