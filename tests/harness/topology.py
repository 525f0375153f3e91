"""The three tiers as one object: up, down, nodes by name, and the ways in which content is released."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final, Self

import docker

from tests.ground import sweep
from tests.ground.waiting import LateError
from tests.harness.node import Answer, Background, Node
from tests.harness.project import Project

MIRRORS: Final = ("origin", "hub", "leaf1", "leaf2")
"""The services that run the product, upstream first."""


TRIES: Final = 5


def _is_seen_fetching(node: Node, trigger: Background) -> bool:
    """Whether the node was seen in the middle before its trigger was answered."""

    def look(_: Node) -> str:
        stage = str(node.archive().get("stage"))
        return stage if stage == "payload" or trigger.code() is not None else ""

    return node.wait_for(look, 120, "fetches payload") == "payload"


class Topology:
    """A running project. Leaving the block removes all of it."""

    def __init__(self, project: Project, mirrors: tuple[str, ...] = MIRRORS) -> None:
        self.project = project
        self.mirrors = mirrors
        self.variables: dict[str, str] = {}
        self._client = docker.from_env(timeout=600)

    def __enter__(self) -> Self:
        self.project.down()
        self.up()
        return self

    def __exit__(self, *_: object) -> None:
        self.down()

    def up(self) -> None:
        """Starts what is not running as it should, and returns when every mirror is healthy."""
        self.project.make_keys()
        self.project.up(variables=self.variables)
        for name in self.mirrors:
            self.node(name).wait_healthy()

    def down(self) -> None:
        """Removes the project: containers, network, volumes."""
        self.project.down()

    @contextmanager
    def settings(self, **variables: str) -> Iterator[None]:
        """Other values of the compose file's variables for the time of the block; what they concern is started anew."""
        before = self.variables
        self.change({**before, **variables})
        try:
            yield
        finally:
            self.change(before)

    def change(self, variables: Mapping[str, str]) -> None:
        """From now on these values of the compose file's variables, and its defaults for all others."""
        self.variables = dict(variables)
        self.up()

    def node(self, name: str) -> Node:
        """The container of the service as it is now; compose may have made a new one since."""
        labels = [f"{sweep.PROJECT}={self.project.name}", f"com.docker.compose.service={name}"]
        found = self._client.containers.list(all=True, filters={"label": labels})
        assert len(found) == 1, f"{name}: {len(found)} containers"
        return Node(name, found[0])

    def release(self, *words: str, key: str = "signing") -> str:
        """Runs the release tool at the origin; nothing is announced yet."""
        environment = {"RELEASE_KEY": f"/etc/mirror/{key}.asc"}
        return self.node("release").run("release", *words, environment=environment).strip()

    def publish(self) -> str:
        """Announces the origin's tree as it is; the new serial."""
        origin = self.node("origin")
        # By an answer: who does not answer now has no serial either, and then the old one would be a new one.
        before = origin.wait_for(lambda node: node.archive(), 60, "answers")["serial"]
        origin.run("mirrorctl", "publish", "debian")
        origin.wait_for(lambda node: node.serial() not in (None, before), 60, "a new serial")
        return str(origin.serial())

    def wait_serial(self, serial: str, *names: str, deadline: float = 120) -> None:
        """Returns when the named mirrors publish the serial or a newer one; all mirrors by default."""
        for name in names or self.mirrors:
            self.node(name).wait_for(lambda node: (node.serial() or "") >= serial, deadline, f"serial {serial}")

    def in_the_middle(self, name: str) -> tuple[str, Background]:
        """A mirror that fetches payload now, through a narrow line, for a trigger; the serial it will have.

        Of a fetch that was over before a busy machine looked there is nothing to be seen: then there is another one.
        """
        node = self.node(name)
        for number in range(TRIES):
            self.release("payload", "4", "1000000", f"middle{number}")
            serial = self.publish()
            self.wait_serial(serial, *MIRRORS)
            trigger = self.node("client").start_exec(*self.ssh_argv(name), "sync:all")
            if _is_seen_fetching(node, trigger):
                return serial, trigger
        raise LateError(f"{name} was never seen to fetch")

    def ssh(self, host: str, command: str | tuple[str, ...], key: str = "operator") -> Answer:
        """One ssh from the client, as an upstream would call, with the named key."""
        words = (command,) if isinstance(command, str) else command
        return self.node("client").exec(*self.ssh_argv(host, key), *words)

    def ssh_argv(self, host: str, key: str = "operator", options: tuple[str, ...] = ()) -> tuple[str, ...]:
        """The ssh command line of a stock upstream, with the host key pinned."""
        return (
            "ssh", "-n", "-p", "2222", "-l", "mirror", "-i", f"/etc/mirror/{key}",
            "-o", "BatchMode=yes", "-o", "ConnectTimeout=10", "-o", "IdentitiesOnly=yes",
            "-o", "StrictHostKeyChecking=yes", "-o", "UserKnownHostsFile=/etc/mirror/known_hosts",
            *options, host, "-2",
        )  # fmt: skip
