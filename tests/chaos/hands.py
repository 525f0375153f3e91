"""What reaches into a mirror from outside: its network, its processes, its volumes.

One container with the capabilities for it, in the host's process namespace, so that tests need neither root nor
iptables on the machine they run on.
"""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

import docker
from docker.models.containers import Container

from tests.ground.images import HANDS
from tests.harness.node import Node
from tests.stock import World

CAPABILITIES: Final = ("SYS_ADMIN", "NET_ADMIN", "SYS_PTRACE", "DAC_READ_SEARCH")


@dataclass(frozen=True, slots=True)
class Process:
    """A process of a mirror, by its number on the host."""

    pid: int
    parent: int
    args: str


class Hands:
    """The container; leaving the block removes it."""

    def __init__(self, world: World, volumes: Mapping[str, Mapping[str, str]]) -> None:
        self._container: Container = docker.from_env(timeout=600).containers.run(
            HANDS, detach=True, name=f"{world.name}-hands", labels=world.labels, network_mode="none", pid_mode="host",
            cap_add=list(CAPABILITIES), security_opt=["apparmor=unconfined"], volumes=dict(volumes),
        )  # fmt: skip

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._container.remove(force=True, v=True)

    def do(self, *argv: str, **options: Any) -> subprocess.CompletedProcess[str]:
        """Runs a command as root; its output is kept."""
        return subprocess.run(
            ["docker", "exec", str(self._container.id), *argv], capture_output=True, text=True, check=False, **options
        )

    def in_network(self, node: Node, *argv: str, detach: bool = False) -> None:
        """Runs a command in the network of a node, with our files. Raises AssertionError when it fails."""
        words = ["docker", "exec", *(["--detach"] if detach else []), str(self._container.id)]
        enter = ["nsenter", f"--target={_first(node)}", "--net", "--", *argv]
        done = subprocess.run([*words, *enter], capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{node.name}: {argv}: {done.stderr}"

    def filter(self, node: Node, action: str, rule: str) -> None:
        """Adds (`-A`) or deletes (`-D`) a packet filter rule; a node that was killed meanwhile has none to delete."""
        table, _, words = rule.rpartition(":")
        try:
            self.in_network(node, "iptables", "--wait", *(["-t", table] if table else []), action, *words.split())
        except AssertionError as error:
            if action != "-D" or "matching rule" not in str(error):
                raise

    def processes(self, node: Node) -> list[Process]:
        """Every process of the node, none when it does not run."""
        if not (container := _first(node)):
            return []
        rows = [line.split(maxsplit=3) for line in self.do("ps", "-eo", "pid,ppid,stat,args").stdout.splitlines()[1:]]
        alive = [Process(int(row[0]), int(row[1]), row[3]) for row in rows if not row[2].startswith("Z")]
        inside = {container}
        for _ in range(8):
            inside |= {process.pid for process in alive if process.parent in inside}
        return [process for process in alive if process.pid in inside]

    def kill(self, pid: int) -> None:
        """SIGKILL; a process that has ended meanwhile needs none."""
        self.do("kill", "-KILL", str(pid))


def _first(node: Node) -> int:
    """The first process of a node's container, as the host counts; 0 when it does not run."""
    node.container.reload()
    return int(node.container.attrs["State"]["Pid"])
