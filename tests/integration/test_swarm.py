"""The stack file for Docker Swarm, really deployed: on this engine, which is made a swarm of one for that.

An engine that leaves a swarm forgets the names of all containers, and takes some out of their networks: this is tried
while nobody else runs on it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

import docker
import pytest
import yaml

from tests.ground import sweep
from tests.ground.console import run
from tests.ground.images import PRODUCT, TOP
from tests.harness import Node, wait_for
from tests.harness.lone import LABELS

pytestmark = [pytest.mark.integration, pytest.mark.swarm]

FILE: Final = TOP / "tests/deploy/stack.yaml"
KEY: Final = "ssh-keygen -q -t ed25519 -N '' -f /tmp/key && cat /tmp/key"
BRIDGE: Final = "docker_gwbridge"
OURS: Final = sweep.LONE.rpartition(".")[2]
"""What the label of a swarm ends with that a checkout of ours made."""


@pytest.fixture(scope="module")
def swarm(swept: None) -> Iterator[docker.DockerClient]:
    """This engine as a swarm of one; it is left again, as one is that a killed run left behind."""
    sweep.swarm()
    client = docker.from_env(timeout=600)
    bridges = {network.id for network in client.networks.list(names=[BRIDGE])}
    _init(client)
    try:
        yield client
    finally:
        sweep.swarm()
        for network in client.networks.list(names=[BRIDGE]):
            if network.id not in bridges:
                network.remove()


def _init(client: docker.DockerClient) -> None:
    """Another checkout's swarm is waited for; in one that has a purpose nothing is tried."""

    def look() -> bool:
        seen = client.info()["Swarm"]
        labels = (seen.get("Cluster") or {}).get("Spec", {}).get("Labels", {})
        if seen["LocalNodeState"] != "inactive" and not any(label.endswith(f".{OURS}") for label in labels):
            pytest.skip("this engine is in a swarm already")
        return bool(seen["LocalNodeState"] == "inactive")

    if others := [one.name for one in client.containers.list(ignore_removed=True)]:
        pytest.skip(f"{', '.join(others)} would not find others by name any more when this engine leaves the swarm")
    wait_for(look, 120, "nobody else's test has made a swarm of this engine")
    client.swarm.init("127.0.0.1", "127.0.0.1:0", labels={sweep.LONE: sweep.WORKER})


@pytest.fixture(scope="module")
def hub(swarm: docker.DockerClient, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """The stack, deployed as its first lines say; on ports that are free."""
    directory = tmp_path_factory.mktemp("stack")
    stack = yaml.safe_load(FILE.read_text())
    stack["services"]["hub"]["image"] = PRODUCT
    for port in stack["services"]["hub"]["ports"]:
        del port["published"]
    (directory / "stack.yaml").write_text(yaml.safe_dump(stack))
    for name, text in _secrets().items():
        (directory / name).write_text(text)
    (machine,) = swarm.nodes.list()
    run("docker", "node", "update", "--label-add", "mirror=hub", machine.id)
    run("docker", "stack", "deploy", "--compose-file", str(directory / "stack.yaml"), sweep.STACK)
    node = Node("hub", wait_for(lambda: _container(swarm), 60, "the service has a container"))
    node.wait_healthy()
    yield node
    run("docker", "stack", "rm", sweep.STACK)
    wait_for(lambda: not _container(swarm), 30, "the service has stopped")


def _secrets() -> dict[str, str]:
    run = docker.from_env(timeout=600).containers.run
    options: dict[str, Any] = {"network_mode": "none", "labels": LABELS, "remove": True, "user": "0"}
    key = run(PRODUCT, ["-c", KEY], entrypoint="sh", **options).decode()
    return {"rsync_secrets": "leaf:of-the-secret\n", "push_key": key, "known_hosts": "# nobody yet\n"}


def _container(client: docker.DockerClient) -> Any:
    return next(iter(client.containers.list(filters={"label": sweep.STACKED})), None)


def test_its_secrets_are_in_force(hub: Node) -> None:
    """Whoever has the password may fetch, and nobody else; the push key is the one that was given."""
    url = "rsync://leaf@localhost:8730/debian"
    assert hub.exec("rsync", url, environment={"RSYNC_PASSWORD": "of-the-secret"}).code == 0
    assert hub.exec("rsync", url, environment={"RSYNC_PASSWORD": "another"}).code == 5
    given = hub.run("ssh-keygen", "-y", "-f", "/run/secrets/push_key").split()[1]
    assert json.loads(hub.run("mirrorctl", "keys", "--json"))["push_public_key"].split()[1] == given


def test_it_runs_as_hardened_as_the_file_says(hub: Node) -> None:
    """What Swarm does not know it passes over without a word."""
    host: dict[str, Any] = hub.container.attrs["HostConfig"]
    assert (host["CapDrop"], host["ReadonlyRootfs"]) == (["ALL"], True)
    assert hub.users() == {"10001"}
    mounts = hub.container.attrs["Mounts"]
    volumes = {mount["Name"].removeprefix(sweep.STACK) for mount in mounts if mount["Type"] == "volume"}
    assert volumes == {"_archives", "_state"}


def test_an_update_stops_the_old_container_first(hub: Node, swarm: docker.DockerClient) -> None:
    """Two controllers never share the state volume; the new one has the keys of the old one."""
    key = hub.run("cat", "/run/mirror/keys/ssh_host_ed25519_key.pub")
    run("docker", "service", "update", "--force", "--detach", f"{sweep.STACK}_hub")
    new = wait_for(lambda: (one := _container(swarm)) and one.id != hub.container.id and one, 60, "a new container")
    node = Node("hub", new)
    node.wait_healthy()
    hub.container.reload()
    state = hub.container.attrs["State"]
    assert (state["Status"], state["ExitCode"]) == ("exited", 0)
    assert node.run("cat", "/run/mirror/keys/ssh_host_ed25519_key.pub") == key
