"""One token goes down, one line comes back: a hub and those who join it by an invitation, and those who must not.

Each leaf is started with nothing but its token. What a statement may do is in ``tests/unit/joining``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any, Final

import docker
import httpx
import pytest

from appliance.joining import invitation
from tests.ground import sweep
from tests.harness import Lone, Node, wait_for

pytestmark = pytest.mark.integration

HUB: Final = f"{sweep.TESTS}-hub"
ENVIRONMENT: Final = {
    "MIRROR_NAME": HUB,
    "MIRROR_ARCHIVES__DEBIAN__PROFILE": "generic",
    "MIRROR_ARCHIVES__DEBIAN__AUTH_USERS": "*",
    "MIRROR_ARCHIVES__OPEN__PROFILE": "generic",
    "MIRROR_PUBLIC__RSYNC": f"{HUB}:8730",
    "MIRROR_PUBLIC__HTTP": f"http://{HUB}:8080",
}
WRITE: Final = "mkdir -p /srv/mirror/$0/pool && date +%s.%N > /srv/mirror/$0/pool/a && mirrorctl publish $0 --wait"
LISTED: Final = "sed -n 's/^\\([^:]*\\):.*/\\1/p' /run/mirror/rsyncd.secrets"

Join = Callable[..., Lone]


@pytest.fixture(scope="module")
def network(swept: None) -> Iterator[str]:
    """A network in which containers know each other by their names."""
    made = docker.from_env().networks.create(f"{HUB}-net", labels={sweep.LONE: sweep.WORKER})
    yield str(made.name)
    made.remove()


@pytest.fixture(scope="module")
def hub(network: str) -> Iterator[Lone]:
    """Two archives begin here: one for members alone, one that is open."""
    with Lone(ENVIRONMENT, name=HUB, network=network) as node:
        node.wait_healthy()
        for archive in ("debian", "open"):
            node.run("sh", "-c", WRITE, archive)
        yield node


@pytest.fixture
def join(network: str, lone: Callable[..., Lone]) -> Join:
    """Starts a mirror with a token and nothing else."""

    def start(name: str, token: str) -> Lone:
        return lone({"MIRROR_INVITE": token}, name=name, network=network)

    return start


def invited(hub: Node, name: str, *more: str) -> str:
    """A token for who shall be called like this."""
    return hub.run("mirrorctl", "invite", name, "--archive", "debian", *more).strip()


def named(what: str) -> str:
    """The name of a leaf, which is its container's, too."""
    return f"{sweep.TESTS}-{what}"


def membership(node: Node) -> dict[str, Any]:
    """How a leaf stands with the hub; empty while nobody answers there."""
    return node.status().get("membership") or {}


def written(hub: Node) -> str:
    """Something new at the hub; returns its serial."""
    hub.run("sh", "-c", WRITE, "debian")
    return str(hub.serial())


def arrived(leaf: Node, serial: str) -> None:
    leaf.wait_for(lambda node: node.serial() == serial, 30, f"publishes {serial}")


def known(hub: Node, leaf: Node, name: str, serial: str) -> None:
    """The leaf publishes it, and the hub has heard so: neither has anything left to do, and may be restarted."""
    arrived(leaf, serial)
    hub.wait_for(lambda _: _is_delivered(delivery(hub, name), serial), 30, f"has told {name} of {serial}")
    leaf.wait_for(_rests, 30, "has nothing left to do")


def _is_delivered(told: dict[str, Any], serial: str) -> bool:
    return (told.get("state"), told.get("serial")) == ("delivered", serial)


def _rests(node: Node) -> bool:
    archive = node.archive()
    return archive.get("state") == "idle" and not archive["pending"]


def delivery(hub: Node, name: str) -> dict[str, Any]:
    """How far the hub has told a leaf; empty when it does not know of it."""
    return dict(hub.status().get("downstreams", {}).get(name, {}).get("debian", {}))


def test_the_way_of_a_leaf_from_its_token_to_its_end(hub: Lone, join: Join) -> None:
    """Joined, pushed, its password and our key changed under a restart of either, and revoked; no sync fails."""
    name = named("leaf")
    token = invited(hub, name)
    leaf = join(name, token)
    leaf.wait_healthy()
    arrived(leaf, str(hub.serial()))
    hub.wait_for(lambda _: delivery(hub, name).get("state") == "delivered", 30, "has told its new leaf")
    assert membership(leaf)["state"] == "joined"
    assert "joined" in hub.run("mirrorctl", "status")
    assert json.loads(hub.run("mirrorctl", "members", "--json"))[name]["ssh"] == f"{name}:2222"
    known(hub, leaf, name, written(hub))

    hub.run("mirrorctl", "rotate", name)
    begun = json.loads(hub.run("mirrorctl", "rotate", "--push-key", "--json"))
    assert (begun["untold"], begun["finished"]) == ([name], False)
    hub.container.restart()
    hub.wait_healthy()
    leaf.run("mirrorctl", "join", "--renew")
    assert sorted(hub.run("sh", "-c", LISTED).split()) == [name, f"{name}_2"], "both are good for a while"
    assert hub.run("cat", "/run/mirror/keys/push_ed25519.pub").strip() == begun["key"], "everybody was told"
    assert begun["key"] in leaf.run("cat", "/run/mirror/authorized_keys")
    leaf.run("mirrorctl", "sync", "debian", "--full", "--wait")
    leaf.wait_for(_rests, 30, "has nothing left to do")
    leaf.container.restart()
    leaf.wait_healthy()
    known(hub, leaf, name, written(hub))
    runs = json.loads(leaf.run("mirrorctl", "runs", "--json"))
    assert {run["result"] for run in runs if run["kind"] == "sync"} <= {"success", "noop"}

    second = join(named("second"), token)
    second.wait_for(lambda node: membership(node).get("state") == "refused", 30, "knows that it is not let in")
    assert "used already" in second.run("mirrorctl", "status")
    assert membership(leaf)["state"] == "joined"

    hub.run("mirrorctl", "revoke", name)
    assert leaf.exec("mirrorctl", "join", "--renew").code == 1
    assert "has ended our membership" in leaf.run("mirrorctl", "status")
    before = leaf.serial()
    written(hub)
    assert delivery(hub, name) == {}
    assert leaf.exec("mirrorctl", "sync", "debian", "--wait").code != 0
    assert leaf.serial() == before
    hub.wait_for(lambda node: "auth failed" in node.logs(), 60, "has refused its password")
    for secret in (token, invitation.read(token).secret):
        assert secret not in hub.logs(2000) + leaf.logs(2000)


def test_who_cannot_reach_the_hub_by_http_has_his_line_pasted(hub: Lone, join: Join) -> None:
    name = named("pasted")
    token = invitation.read(invited(hub, name)).model_copy(update={"callback": ""}).token
    leaf = join(name, token)
    leaf.wait_healthy()
    found = leaf.wait_for(lambda node: node.exec("mirrorctl", "join", "--json").out, 30, "has a line")
    hub.run("mirrorctl", "admit", json.loads(found)["paste"].removeprefix("mirrorctl admit "))
    arrived(leaf, str(hub.serial()))
    assert membership(leaf)["state"] == "joined"

    leaf.run("mirrorctl", "join", "--renew")
    pasted = json.loads(leaf.run("mirrorctl", "join", "--json"))["paste"]
    hub.run("mirrorctl", "admit", pasted.removeprefix("mirrorctl admit "))
    leaf.wait_for(lambda node: membership(node).get("renewing") is False, 90, "knows that its new password is good")
    assert f"rsync://{name}_2@" in leaf.run("mirrorctl", "config", "--json")
    arrived(leaf, written(hub))


def test_a_token_that_has_ended_says_so(hub: Lone, join: Join) -> None:
    token = invitation.read(invited(hub, named("late"), "--expires", "1s"))
    wait_for(lambda: token.is_expired, 60, "it has expired")
    late = join(named("late"), token.token)
    assert late.container.wait(timeout=600)["StatusCode"] == 78
    assert "expired" in late.logs()


def test_strangers_are_slowed_down_and_told_nothing(hub: Lone) -> None:
    url = f"http://127.0.0.1:{hub.port(8080)}/join"
    answers = [httpx.post(url, content="hello") for _ in range(40)]
    assert {answer.status_code for answer in answers} == {403, 429}
    assert {answer.text for answer in answers if answer.status_code == 403} == {"not believed\n"}
    assert httpx.post(url, content=b"x" * 20_000).status_code in (413, 429)
    hub.wait_for(lambda node: "was not believed" in node.logs(500), 60, "says that somebody is not believed")
    assert hub.logs(500).count("was not believed") == 1
