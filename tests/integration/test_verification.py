"""A disk that lies: what rotted on a leaf is found, fetched again, and apt gets what was signed."""

from __future__ import annotations

import json

import pytest

from tests.harness import Node, Topology

pytestmark = pytest.mark.integration

ROT = """
import os, pathlib, sys
path = pathlib.Path(sys.argv[1])
before, data = path.stat(), bytearray(path.read_bytes())
data[len(data) // 2] ^= 1
path.write_bytes(bytes(data))
os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
"""

TREE = "/srv/mirror/debian"


@pytest.fixture
def leaf(topology: Topology) -> Node:
    return topology.node("leaf1")


def test_what_rotted_is_found_and_fetched_again(topology: Topology, leaf: Node) -> None:
    package = leaf.run("sh", "-c", f"cd {TREE} && find pool -name '*.deb' | sort | head -1").strip()
    wanted = topology.node("origin").run("sha256sum", f"{TREE}/{package}")
    leaf.run("python3", "-c", ROT, f"{TREE}/{package}")

    assert leaf.exec("mirrorctl", "verify", "debian").code == 0  # its size is as it was
    found = leaf.exec("mirrorctl", "verify", "debian", "--deep", "--no-repair", "--json")
    report = json.loads(found.out)
    assert (found.code, [one["path"] for one in report["misfits"]]) == (1, [package])

    mended = leaf.exec("mirrorctl", "verify", "debian", "--deep")
    assert mended.code == 0, mended.out + mended.err
    assert f"repaired: {package}" in mended.out
    assert leaf.run("sha256sum", f"{TREE}/{package}") == wanted
    assert leaf.exec("mirrorctl", "verify", "debian", "--deep").code == 0
    assert leaf.archive()["last_run"]["result"] == "success"


def test_every_tier_fits(topology: Topology) -> None:
    for name in ("origin", "hub", "leaf2"):
        answer = topology.node(name).exec("mirrorctl", "verify", "debian", "--deep")
        assert answer.code == 0, f"{name}: {answer.out}{answer.err}"
