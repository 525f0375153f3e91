"""What a failed test needs beside it: every node's state, logs, status and rendered configuration."""

from __future__ import annotations

from typing import Final

import docker

from tests.ground import sweep
from tests.harness.node import Node

SCRIPTS: Final = "/home/archvsync"
WRITTEN: Final = "find .local/log -type f -mmin -2 -size +0 | xargs -r ls -tr | tail -n 12 | xargs -r tail -n 25"
"""What the scripts of a stock mirror logged lately."""
TOPOLOGY: Final = (f"{sweep.PROJECT}={sweep.TESTS}", f"{sweep.PROJECT}={sweep.COMPOSE}", sweep.mine(sweep.LONE))
WORLD: Final = (sweep.mine(sweep.label(sweep.WORLD)),)
CHAOS: Final = (sweep.mine(sweep.label(sweep.CHAOS)),)
"""Labels of what a process of tests has made; another one's containers may go while we look."""
RENDERED: Final = "cd /run/mirror && tail -n +1 *.conf sshd_config authorized_keys known_hosts"


def sections(labels: tuple[str, ...]) -> list[tuple[str, str]]:
    """Title and text for each container that has one of these labels now."""
    client = docker.from_env(timeout=30)
    found: list[tuple[str, str]] = []
    for label in labels:
        for container in client.containers.list(all=True, filters={"label": label}, ignore_removed=True):
            try:
                found += _of(Node(container.name, container))
            except (docker.errors.APIError, ValueError) as error:
                found.append((f"{container.name}: went away while we looked", str(error)))
    return found


def _of(node: Node) -> list[tuple[str, str]]:
    state = node.container.attrs["State"]
    found = [(f"{node.name}: {state['Status']}, exit {state['ExitCode']}", node.logs(tail=120))]
    if node.running and node.exec("test", "-d", "/run/mirror").code == 0:
        found.append((f"{node.name}: mirrorctl status", node.exec("mirrorctl", "status", "--json").out))
        found.append((f"{node.name}: rendered configuration", node.exec("sh", "-c", RENDERED).out))
    if node.running and node.exec("test", "-d", SCRIPTS).code == 0:
        found.append((f"{node.name}: logs", node.exec("sh", "-c", f"cd {SCRIPTS} && {WRITTEN}").out))
    return found
