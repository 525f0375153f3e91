"""What is done to mirrors: `inflict` does it, `heal` takes it back; both return at once."""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import docker
from docker.models.networks import Network

from tests.chaos.hands import Hands
from tests.ground.waiting import wait_for
from tests.stock import Mirror


class Fault(ABC):
    """One accident."""

    @abstractmethod
    def inflict(self) -> None:
        """It happens."""

    @abstractmethod
    def heal(self) -> None:
        """It is over: what an operator, or time, would put right."""

    @contextmanager
    def lasting(self) -> Iterator[None]:
        """It is there for the time of the block."""
        self.inflict()
        try:
            yield
        finally:
            self.heal()


@dataclass(frozen=True, slots=True)
class Killed(Fault):
    """The containers end without a word, all of them at once, and are started again."""

    nodes: Sequence[Mirror]

    def inflict(self) -> None:
        for node in self.nodes:
            with suppress(docker.errors.APIError):  # one that the restart policy has between two lives
                node.kill()

    def heal(self) -> None:
        for node in self.nodes:
            node.start()


@dataclass(frozen=True, slots=True)
class ProcessKilled(Fault):
    """One process of a mirror ends without a word; the container's first one, too. Chosen from what runs then."""

    hands: Hands
    node: Mirror
    random: random.Random

    def inflict(self) -> None:
        # tini is the container's first process: without it the engine would see an orderly kill.
        if found := self.hands.processes(self.node):
            self.hands.kill(self.random.choice(found).pid)

    def heal(self) -> None:
        """The restart policy does it, where it was a process that matters."""


@dataclass(frozen=True, slots=True)
class Frozen(Fault):
    """The mirror holds its connections and answers nothing."""

    node: Mirror

    def inflict(self) -> None:
        wait_for(self._froze, 60, f"{self.node.name} freezes")

    def _froze(self) -> bool:
        """The engine gives up on a container whose processes are too busy to be stopped."""
        with suppress(docker.errors.APIError):
            self.node.container.pause()
        self.node.container.reload()
        return bool(self.node.container.status == "paused")

    def heal(self) -> None:
        self.node.container.unpause()


@dataclass(frozen=True, slots=True)
class Unplugged(Fault):
    """The cable is out: nobody hears of it, and the address is the same when it is in again."""

    node: Mirror
    network: str
    address: str

    def inflict(self) -> None:
        self._network().disconnect(self.node.container, force=True)

    def heal(self) -> None:
        self._network().connect(self.node.container, aliases=[self.node.name], ipv4_address=self.address)

    def _network(self) -> Network:
        return self.node.container.client.networks.get(self.network)


@dataclass(frozen=True, slots=True)
class Filtered(Fault):
    """A node's packets are dropped by rules, as iptables takes them behind `-A`."""

    hands: Hands
    node: Mirror
    rules: tuple[str, ...]

    def inflict(self) -> None:
        for rule in self.rules:
            self.hands.filter(self.node, "-A", rule)

    def heal(self) -> None:
        for rule in self.rules:
            self.hands.filter(self.node, "-D", rule)


RELAY: Final = Path(__file__).with_name("relay.py")
RELAYED: Final = 7777

PARTS: Final = ("dists", "pool")

BLACK_HOLE: Final = ("INPUT -p tcp -j DROP", "OUTPUT -p tcp -j DROP")
"""Connections that are there stay there, and nothing comes through: no FIN, no RST."""


def lossy(share: float) -> tuple[str, ...]:
    """Rules that drop a share of all packets, both ways."""
    random_drop = f"-p tcp -m statistic --mode random --probability {share} -j DROP"
    return (f"INPUT {random_drop}", f"OUTPUT {random_drop}")


@dataclass(frozen=True, slots=True)
class Full(Fault):
    """A volume has only so many bytes left. `directory` is where the hands have it mounted."""

    hands: Hands
    directory: str
    left: int

    def inflict(self) -> None:
        wait_for(self._is_filled, 60, f"{self.directory} is full but for {self.left} bytes")

    def _is_filled(self) -> bool:
        """What is free may change under us: then it is tried again."""
        text = 'rm -f "$0/ballast"; fallocate -l "$(($(df --output=avail -B1 "$0" | tail -n 1) - $1))" "$0/ballast"'
        return self.hands.do("sh", "-c", text, self.directory, str(self.left)).returncode == 0

    def heal(self) -> None:
        self.hands.do("rm", "-f", f"{self.directory}/ballast")


@dataclass(frozen=True, slots=True)
class WrongClock(Fault):
    """The time of day is off by so many seconds, from one moment to the next."""

    node: Mirror
    place: str
    seconds: int

    def inflict(self) -> None:
        self._set(self.seconds)

    def heal(self) -> None:
        self._set(0)

    def _set(self, seconds: int) -> None:
        directory, _, name = self.place.rpartition("/")
        self.node.put(directory, {name: f"{seconds:+d}s\n".encode()})


@dataclass(frozen=True, slots=True)
class Far(Fault):
    """What a node connects to on a port answers later: by so many seconds, each way."""

    hands: Hands
    node: Mirror
    port: int
    seconds: float

    def inflict(self) -> None:
        relay = ("python3", "-c", RELAY.read_text(), str(RELAYED), str(self.seconds), self._mark)
        self.hands.in_network(self.node, *relay, detach=True)
        wait_for(lambda: not self.hands.do("test", "-s", self._mark).returncode, 60, "the relay listens")
        self.hands.filter(self.node, "-A", self._rule)

    def heal(self) -> None:
        self.hands.filter(self.node, "-D", self._rule)
        self.hands.do("sh", "-c", 'kill "$(cat "$0")"; rm "$0"', self._mark)

    @property
    def _mark(self) -> str:
        return f"/tmp/relay-{self.node.name}"

    @property
    def _rule(self) -> str:
        # The relay is root, the mirror is not.
        return f"nat:OUTPUT -p tcp --dport {self.port} -m owner ! --uid-owner 0 -j REDIRECT --to-ports {RELAYED}"


@dataclass(frozen=True, slots=True)
class Emptied(Fault):
    """Everything but the traces is gone from an origin's tree."""

    root: Path

    def inflict(self) -> None:
        for name in PARTS:
            (self.root / name).rename(self.root.with_name(f"{name}.away"))
            (self.root / name).mkdir()

    def heal(self) -> None:
        for name in PARTS:
            (self.root / name).rmdir()
            self.root.with_name(f"{name}.away").rename(self.root / name)
