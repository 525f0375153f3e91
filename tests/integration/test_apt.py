"""apt as the client of leaf2: it installs what is signed, and nothing else."""

from __future__ import annotations

import pytest

from tests.harness import MIRRORS, Node, Topology

pytestmark = pytest.mark.integration

UPDATE = ("apt-get", "-o", "APT::Update::Error-Mode=any", "update")


@pytest.fixture
def client(topology: Topology) -> Node:
    return topology.node("client")


def test_apt_installs_the_newest_version_from_the_leaf(topology: Topology, client: Node) -> None:
    version = topology.release("update")
    topology.wait_serial(topology.publish(), *MIRRORS)
    client.run(*UPDATE, user="root")
    client.run("apt-get", "install", "--yes", "hello", user="root")
    assert client.run("hello").strip().endswith(version)


def test_apt_refuses_the_archive_under_another_key(client: Node) -> None:
    source = "deb [signed-by=/etc/mirror/stranger.gpg] http://leaf2:8080/debian demo main"
    client.run("sh", "-c", f"echo '{source}' > /tmp/stranger.list", user="root")
    only_this = ("-o", "Dir::Etc::SourceList=/tmp/stranger.list", "-o", "Dir::Etc::SourceParts=/dev/null")
    answer = client.exec(*UPDATE, *only_this, user="root")
    assert answer.code == 100
    assert "Missing key" in answer.out


def test_a_strangers_signature_goes_no_further_than_the_hub(topology: Topology, client: Node) -> None:
    hub, leaf2 = topology.node("hub"), topology.node("leaf2")
    before = leaf2.serial()
    topology.release("index", key="stranger")
    topology.publish()
    hub.wait_for(lambda node: "signature" in node.archive()["last_run"]["error"], 60, "a run failed at the signature")
    assert leaf2.serial() == before
    client.run(*UPDATE, user="root")

    topology.release("index")
    topology.wait_serial(topology.publish(), *MIRRORS)
