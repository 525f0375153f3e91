"""The other two ways of rsync, ours from ours: by TLS, and at the end of an ssh connection."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import docker
import pytest

from tests.ground import sweep
from tests.harness import Lone, Node

pytestmark = pytest.mark.integration

TOWER: Final = f"{sweep.TESTS}-tower"
"""The upstream of these tests, also its name in their network."""
PASSWORD: Final = "a long password"

MAKE: Final = """
cd /tmp && rm -f ./*
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=$1 \
    -addext subjectAltName=DNS:$1 -keyout tls.key -out tls.crt 2>/dev/null
ssh-keygen -q -t ed25519 -N '' -C leaf -f leaf
ssh-keygen -q -t ed25519 -N '' -C stranger -f stranger
"""
FILL: Final = "mkdir -p /srv/mirror/$0/pool && echo $0 > /srv/mirror/$0/pool/a && mirrorctl publish $0 --wait"
SHOWN: Final = "openssl s_client -connect $0:1873 </dev/null 2>/dev/null | openssl x509 -noout -fingerprint"


@pytest.fixture(scope="module")
def network(swept: None) -> Iterator[str]:
    """A network in which containers know each other by their names."""
    made = docker.from_env().networks.create(f"{TOWER}-net", labels={sweep.LONE: sweep.WORKER})
    yield str(made.name)
    made.remove()


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for the tower, and two key pairs, readable by any uid in a container."""
    directory = tmp_path_factory.mktemp("keys")
    renew(directory)
    return directory


def renew(directory: Path) -> None:
    """New keys and a new certificate, in place of what there was."""
    with Lone() as maker:
        maker.wait_healthy()
        maker.run("sh", "-c", MAKE, "make", TOWER)
        for name in ("tls.key", "tls.crt", "leaf", "leaf.pub", "stranger"):
            (directory / name).write_text(maker.run("cat", f"/tmp/{name}"))
            (directory / name).chmod(0o644)
    directory.chmod(0o755)


@pytest.fixture(scope="module")
def tower(network: str, keys: Path) -> Iterator[Node]:
    """Serves two archives on all ways: one for whoever has the password or the key, one for nobody's key."""
    environment = {
        "MIRROR_NAME": "tower",
        "MIRROR_ARCHIVES__DEBIAN__PROFILE": "generic",
        "MIRROR_ARCHIVES__DEBIAN__AUTH_USERS": "leaf",
        "MIRROR_ARCHIVES__OTHER__PROFILE": "generic",
        "MIRROR_RSYNC_SECRETS": f"leaf:{PASSWORD}",
        "MIRROR_TLS_CERT_FILE": "/etc/mirror/tls.crt",
        "MIRROR_TLS_KEY_FILE": "/etc/mirror/tls.key",
        "MIRROR_PULLS__LEAF__KEY_FILE": "/etc/mirror/leaf.pub",
        "MIRROR_PULLS__LEAF__ARCHIVES": "debian",
    }
    with Lone(environment, name=TOWER, network=network, volumes=mounted(keys)) as node:
        node.wait_healthy()
        for archive in ("debian", "other"):
            node.run("sh", "-c", FILL, archive)
        yield node


def mounted(keys: Path) -> list[str]:
    return [f"{keys}:/etc/mirror:ro"]


@pytest.fixture
def leaf(network: str, tower: Node, keys: Path, lone: Callable[..., Lone]) -> Callable[..., Node]:
    """Makes a leaf of the tower."""

    def make(upstream: str, **changes: str) -> Node:
        host_key = tower.run("cut", "-d", " ", "-f", "1,2", "/run/mirror/keys/ssh_host_ed25519_key.pub").strip()
        environment = {
            "MIRROR_NAME": "leaf",
            "MIRROR_ARCHIVES__DEBIAN__PROFILE": "generic",
            "MIRROR_ARCHIVES__DEBIAN__UPSTREAM": upstream,
            "MIRROR_ARCHIVES__DEBIAN__TLS_CA": "/etc/mirror/tls.crt",
            "MIRROR_PUSH_KEY_FILE": "/etc/mirror/leaf",
            "MIRROR_KNOWN_HOSTS": f"[{TOWER}]:2222 {host_key}",
        }
        node = lone({**environment, **changes}, network=network, volumes=mounted(keys))
        node.wait_healthy()
        return node

    return make


def test_by_tls(leaf: Callable[..., Node]) -> None:
    node = leaf(f"rsync+tls://leaf@{TOWER}:1873/debian", MIRROR_ARCHIVES__DEBIAN__PASSWORD=PASSWORD)
    node.wait_for(lambda node: node.archive().get("publication"), 60, "the first sync")
    assert node.run("cat", "/srv/mirror/debian/pool/a") == "debian\n"
    assert "Rsync-Transport: ssl" in node.run("cat", "/srv/mirror/debian/project/trace/leaf")


def test_by_ssh(leaf: Callable[..., Node], tower: Node) -> None:
    node = leaf(f"rsync+ssh://mirror@{TOWER}:2222/debian")
    node.wait_for(lambda node: node.archive().get("publication"), 60, "the first sync")
    assert node.run("cat", "/srv/mirror/debian/pool/a") == "debian\n"
    assert "Rsync-Transport: ssh" in node.run("cat", "/srv/mirror/debian/project/trace/leaf")
    # What goes over ssh is logged like the rest, by a process of its own.
    sent = f"send {node.address()} debian  pool/a"
    tower.wait_for(lambda tower: sent in tower.logs(), 60, f"logs {sent!r}")


@pytest.mark.parametrize(
    ("upstream", "changes", "fact", "cure"),
    [
        (
            "rsync+ssh://mirror@{tower}:2222/debian",
            {"MIRROR_KNOWN_HOSTS": ""},
            "its host key is not known here",
            "MIRROR_KNOWN_HOSTS",
        ),
        ("rsync+tls://leaf@{address}:1873/debian", {}, "IP address mismatch", "__TLS_CA"),
        (
            "rsync+tls://leaf@{tower}:1873/debian",
            {"MIRROR_ARCHIVES__DEBIAN__TLS_CA": "/etc/ssl/certs/ca-certificates.crt"},
            "self-signed certificate",
            "__TLS_CA",
        ),
        ("rsync+tls://leaf@{tower}:1873/debian", {}, "auth failed on module debian", "PASSWORD_FILE"),
        ("rsync+tls://{tower}:8730/debian", {}, "wrong version number", "UPSTREAM"),
        ("rsync+ssh://mirror@{tower}:2222/other", {}, "Unknown module", "module name"),
        # Last: for a while its sshd does not talk with the address that this one had.
        (
            "rsync+ssh://mirror@{tower}:2222/debian",
            {"MIRROR_PUSH_KEY_FILE": "/etc/mirror/stranger"},
            "Permission denied",
            "mirrorctl keys",
        ),
    ],
    ids=["host-key", "name", "authority", "password", "no-tls", "archive", "key"],
)
def test_a_closed_way_is_one_clear_line(
    leaf: Callable[..., Node], tower: Node, upstream: str, changes: dict[str, str], fact: str, cure: str
) -> None:
    node = leaf(upstream.format(tower=TOWER, address=tower.address()), **changes)
    started = time.monotonic()
    answer = node.exec("mirrorctl", "sync", "debian", "--wait")
    assert time.monotonic() - started < 100, "a deadline has ended it"
    assert (answer.code, answer.out) == (3, "")
    *_, said, advice = answer.err.splitlines()
    assert fact in said
    assert cure in advice
    error = node.archive()["error"]
    assert fact in error
    assert cure in error
    shown = " ".join(node.run("mirrorctl", "status").split())
    assert fact in shown


def test_a_renewed_certificate_is_taken_over(tower: Node, keys: Path) -> None:
    before = fingerprint(tower)
    assert before
    renew(keys)
    assert "tls.crt" in tower.run("mirrorctl", "reload")
    tower.wait_for(lambda node: fingerprint(node) not in ("", before), 60, "shows the new certificate")
    tower.wait_healthy()


def fingerprint(node: Node) -> str:
    """The fingerprint of its certificate; empty while it shows none."""
    said = node.exec("sh", "-c", SHOWN, "localhost").out
    return said if "Fingerprint" in said else ""


def test_without_its_daemon_the_tls_way_ends_the_container(lone: Callable[..., Lone], keys: Path) -> None:
    files = {"MIRROR_TLS_CERT_FILE": "/etc/mirror/tls.crt", "MIRROR_TLS_KEY_FILE": "/etc/mirror/tls.key"}
    environment = {"MIRROR_NAME": "lone", "MIRROR_ARCHIVES__DEBIAN__COMMENT": "an origin", **files}
    node = lone(environment, volumes=mounted(keys))
    node.wait_healthy()
    node.kill_process("rsyncd-tls.conf")
    assert node.exit_code() == 1
    assert "rsyncd-tls" in node.logs()
