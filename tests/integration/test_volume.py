"""Volumes of containers that are full, or another one than before."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from tests.harness import Lone
from tests.harness.lone import TMPFS, new_volume

pytestmark = pytest.mark.integration


@pytest.fixture
def origin(lone: Callable[..., Lone]) -> Lone:
    """An archive of one big file, published."""
    node = lone({"MIRROR_NAME": "origin", "MIRROR_ARCHIVES__DEBIAN__PROFILE": "generic"})
    node.wait_healthy()
    node.run("sh", "-c", "head -c 3000000 /dev/urandom > /srv/mirror/debian/big")
    node.run("mirrorctl", "publish", "debian", "--wait")
    return node


def below(origin: Lone, **more: str) -> dict[str, str]:
    """The settings of a mirror of it."""
    return {
        "MIRROR_NAME": "below",
        "MIRROR_ARCHIVES__DEBIAN__UPSTREAM": f"rsync://{origin.address()}:8730/debian",
        "MIRROR_ARCHIVES__DEBIAN__PROFILE": "generic",
        **more,
    }


def test_a_full_volume_is_told_and_a_mirror_goes_on_by_itself(lone: Callable[..., Lone], origin: Lone) -> None:
    node = lone(below(origin, MIRROR_RESERVE="1M"), tmpfs={**TMPFS, "/srv/mirror": "mode=1777,size=8m"})
    node.wait_healthy()
    node.wait_for(lambda node: node.serial() == origin.serial(), 60, "is in sync")
    origin.run("sh", "-c", "head -c 3000000 /dev/urandom > /srv/mirror/debian/bigger")
    origin.run("mirrorctl", "publish", "debian", "--wait")

    node.run("sh", "-c", "head -c 2000000 /dev/zero > /srv/mirror/somebody-else")
    assert node.exec("mirrorctl", "sync", "debian", "--wait").code == 3
    assert "the update needs 3.0 MB" in node.archive()["error"]
    # Not while a retry is under way.
    node.wait_for(lambda node: "next try in" in " ".join(node.run("mirrorctl", "status").split()), 60, "says when")
    assert node.status()["volumes"]["data"]["reserve_bytes"] == 1 << 20
    assert 'mirror_archive_trouble{archive="debian",cause="local"} 1.0' in node.run(
        "python3", "-c", "import urllib.request as u; print(u.urlopen('http://127.0.0.1:8080/metrics').read().decode())"
    )

    node.run("rm", "/srv/mirror/somebody-else")
    node.wait_for(lambda node: node.serial() == origin.serial(), 300, "goes on by itself")
    assert node.exec("mirrorctl", "sync", "debian", "--wait").code == 0


def test_a_volume_without_an_inode_left(lone: Callable[..., Lone], origin: Lone) -> None:
    node = lone(below(origin, MIRROR_RESERVE="0"), tmpfs={**TMPFS, "/srv/mirror": "mode=1777,size=8m,nr_inodes=24"})
    node.wait_healthy()
    node.wait_for(lambda node: node.serial() == origin.serial(), 60, "is in sync")
    origin.run("sh", "-c", "for n in 1 2 3 4 5 6 7 8 9; do echo $n > /srv/mirror/debian/small$n; done")
    origin.run("mirrorctl", "publish", "debian", "--wait")
    assert node.exec("mirrorctl", "sync", "debian", "--wait").code == 3
    assert "inodes, the update needs" in node.archive()["error"]


def test_an_empty_volume_in_the_place_of_another(lone: Callable[..., Lone], origin: Lone) -> None:
    state, data, other = new_volume(), new_volume(), new_volume()

    def start(volume: str) -> Lone:
        node = lone(below(origin), volumes=[f"{state}:/var/lib/mirror", f"{volume}:/srv/mirror"])
        node.wait_healthy()
        return node

    node = start(data)
    node.wait_for(lambda node: node.serial() == origin.serial(), 60, "is in sync")
    node.kill()

    node = start(other)
    assert "the archives' volume is not mounted" in " ".join(node.archive()["notes"])
    assert node.exec("mirrorctl", "sync", "debian", "--wait").code == 3
    assert node.paths("/srv/mirror") == ["/srv/mirror"]
    assert "503" in node.exec("bash", "-c", READY).out
    node.kill()

    node = start(data)
    assert node.exec("mirrorctl", "sync", "debian", "--wait").code == 0
    assert "/srv/mirror/debian/big" in node.paths("/srv/mirror/debian")
    node.kill()

    node = start(other)
    assert node.exec("mirrorctl", "sync", "debian", "--wait", "--allow-rollback").code == 0
    assert "/srv/mirror/debian/big" in node.paths("/srv/mirror/debian")
    assert "200" in node.exec("bash", "-c", READY).out


READY = r"exec 3<>/dev/tcp/127.0.0.1/8080 && printf 'GET /readyz HTTP/1.0\r\nHost: l\r\n\r\n' >&3 && head -1 <&3"


def test_a_start_on_a_full_state_volume_serves_what_is_there(lone: Callable[..., Lone]) -> None:
    volumes = [f"{new_volume('6m')}:/var/lib/mirror", f"{new_volume()}:/srv/mirror"]
    lone(volumes=volumes, entrypoint=["sleep", "600"], command=[])  # keeps what is in memory
    node = lone(volumes=volumes)
    node.wait_healthy()
    node.run("mirrorctl", "publish", "debian", "--wait")
    serial = node.serial()
    node.exec("sh", "-c", "cat /dev/zero >/var/lib/mirror/somebody-else")
    node.kill()
    node.start()
    node.wait_healthy()
    assert node.serial() == serial
    refused = node.exec("mirrorctl", "publish", "debian", "--wait")
    assert refused.code
    assert "No space left" in refused.out + refused.err
    assert node.status()["volumes"]["state"]["free_bytes"] == 0
    node.run("rm", "/var/lib/mirror/somebody-else")
    node.run("mirrorctl", "publish", "debian", "--wait")
    assert node.serial() != serial


@pytest.mark.parametrize(
    ("place", "size", "code", "cure"),
    [
        ("/var/lib/mirror", "4k", 1, "  check the volume that holds /var/lib/mirror/keys/ssh_host_ed25519_key"),
        ("/run", "8k", os.EX_IOERR, "  make room on the volume"),
    ],
)
def test_a_start_without_room_for_what_it_needs_ends_with_one_line(
    lone: Callable[..., Lone], place: str, size: str, code: int, cure: str
) -> None:
    node = lone(tmpfs={**TMPFS, place: f"mode=1777,size={size}"})
    assert node.exit_code() == code
    said = node.logs().splitlines()
    assert (said[0].endswith(": No space left on device"), place in said[0], said[1:]) == (True, True, [cure])
