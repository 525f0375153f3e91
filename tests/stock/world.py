"""A network of its own with mirrors of both kinds on it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from ipaddress import ip_network
from types import MappingProxyType
from typing import Any, Final, Self

import docker
from docker.models.containers import Container
from docker.models.networks import Network
from docker.types import IPAMConfig, IPAMPool

from tests.ground import sweep
from tests.ground.images import PEER, PRODUCT, PROMETHEUS, TOOLS
from tests.harness.node import Node
from tests.harness.project import Project
from tests.stock.keys import HOST, PUSH, Keys
from tests.stock.ours import HARDENED, Ours
from tests.stock.peer import Stock
from tests.stock.sample import tar

STATE: Final = "/var/lib/mirror"
FILES: Final = f"{STATE}/files"
"""Where a mirror of ours finds the files that an operator would mount."""
NAMES: Final = tuple(f"{place}-{kind}" for place in ("origin", "hub", "leaf", "far") for kind in ("stock", "ours"))
"""What nodes may be called: these names are pinned in every known_hosts file, and in the certificate."""
FIRST_ADDRESS: Final = 10


class World:
    """Mirrors that reach each other by name, each at an address of its own. Leaving the block removes all of it.

    Worlds of different ``name`` can be there at the same time.
    """

    def __init__(self, name: str = sweep.WORLD) -> None:
        self._client = docker.from_env(timeout=600)
        self.name = sweep.named(name)
        self.labels = {sweep.label(name): sweep.WORKER}
        self._sweep = partial(sweep.world, name)
        self._network: Network | None = None
        self.subnet = ""
        self._places = list(NAMES)
        self.keys: Keys

    def __enter__(self) -> Self:
        self._sweep()
        self.keys = Keys.make(NAMES, self.labels)
        self.subnet = Project(self.name, (), ()).subnet()
        ipam = IPAMConfig(pool_configs=[IPAMPool(subnet=self.subnet)])
        self._network = self._client.networks.create(self.name, driver="bridge", labels=self.labels, ipam=ipam)
        return self

    def __exit__(self, *_: object) -> None:
        self._sweep()

    @contextmanager
    def stock(self, name: str, **options: Any) -> Iterator[Stock]:
        """A stock mirror for the time of the block, its daemons running; the archives are configured later."""
        with self._container(PEER, name, {}, **options) as container:
            node = Stock(name, container, self.keys)
            node.furnish()
            node.start()
            node.wait_serves()
            yield node

    @contextmanager
    def ours(
        self,
        name: str,
        variables: Mapping[str, str],
        files: Mapping[str, bytes] = MappingProxyType({}),
        shared: bool = True,
        **options: Any,
    ) -> Iterator[Ours]:
        """One of ours for the time of the block, healthy; with the world's keys, unless `variables` say otherwise.

        `files` are there when it starts, by their name below FILES. Not `shared`: it has nothing but `variables`.
        """
        environment = {**(self.variables(name) if shared else {}), **variables}
        with self._container(PRODUCT, name, environment, **{**HARDENED, **options}) as container:
            node = Ours(name, container)
            node.put(STATE, {f"files/{name}": data for name, data in files.items()}, mode=0o700)
            node.start()
            try:
                node.wait_healthy()
            except AssertionError as late:
                # The report of the test comes when this container is gone.
                late.add_note(node.logs())
                raise
            yield node

    @contextmanager
    def client(self, name: str = "client", **options: Any) -> Iterator[Node]:
        """Who installs packages, for the time of the block: apt, dnf and curl."""
        with self._container(TOOLS, name, {}, **options) as container:
            container.start()
            yield Node(name, container)

    @contextmanager
    def prometheus(self, config: bytes) -> Iterator[Node]:
        """A Prometheus with this configuration, for the time of the block."""
        with self._container(PROMETHEUS, "prometheus", {}) as container:
            assert container.put_archive("/etc/prometheus", tar({"prometheus.yml": config}, 0, 0, 0o644))
            container.start()
            yield Node("prometheus", container)

    def address(self, name: str) -> str:
        """Where a node is, also when it comes back."""
        if name not in self._places:
            self._places.append(name)
        return str(ip_network(self.subnet)[FIRST_ADDRESS + self._places.index(name)])

    def volume(self) -> str:
        """A new volume, removed with the world."""
        return str(self._client.volumes.create(labels=self.labels).name)

    def variables(self, name: str) -> dict[str, str]:
        """What all of ours have in common: their keys, who triggers them, and that nothing happens by the clock."""
        return {
            "MIRROR_NAME": name,
            "MIRROR_HOST_KEY": self.keys.private(HOST),
            "MIRROR_PUSH_KEY": self.keys.private(PUSH),
            "MIRROR_KNOWN_HOSTS": self._known_hosts,
            "MIRROR_TRIGGERS__UPSTREAM__KEY": self.keys.public(PUSH),
        }

    @property
    def _known_hosts(self) -> str:
        return "".join(self.keys.known_host(name, port) for name in NAMES for port in (22, 2222))

    @contextmanager
    def _container(self, image: str, name: str, environment: Mapping[str, str], **options: Any) -> Iterator[Container]:
        assert self._network
        container = self._client.containers.create(
            image, name=f"{self.name}-{name}", hostname=name, labels=self.labels, environment=dict(environment),
            network=self._network.name, **options,
        )  # fmt: skip
        try:
            self._network.disconnect(container)
            self._network.connect(container, aliases=[name], ipv4_address=self.address(name))
            yield container
        finally:
            container.remove(force=True, v=True)
