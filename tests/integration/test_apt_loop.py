"""apt as a client that never rests: no update of it fails, whatever is being published under it."""

from __future__ import annotations

import time

import pytest

from tests.harness import MIRRORS, Topology
from tests.harness.node import Background

pytestmark = pytest.mark.integration

PUBLICATIONS = 50
UPDATES = 30

LOOP = """
rm -f /tmp/stop /tmp/good /tmp/bad
touch /tmp/good /tmp/bad
while [ ! -e /tmp/stop ]; do
    # Without what it had, apt reads the whole index every time; with it, only what is new: by turns.
    [ $((turn = !turn)) = 0 ] || rm -rf /var/lib/apt/lists/*
    if nice -n 19 apt-get -o APT::Update::Error-Mode=any update >/tmp/said 2>&1
    then echo >>/tmp/good
    else cat /tmp/said >>/tmp/bad; echo >>/tmp/bad
    fi
done
"""


def _publish_all(topology: Topology) -> int:
    """Back to back: the next state is being written while the one before is announced. More for a slow reader."""
    announced: list[Background] = []
    for number in range(PUBLICATIONS + UPDATES):
        if number >= PUBLICATIONS and _are_enough(topology):
            break
        topology.release("update" if number % 5 == 0 else "index")
        assert [one.wait(120, "a publication") for one in announced[-1:]] in ([], [0])
        announced.append(topology.node("origin").start_exec("mirrorctl", "publish", "debian", "--wait"))
    assert announced[-1].wait(120, "the last publication") == 0
    return len(announced)


def _are_enough(topology: Topology) -> bool:
    """Whether the reader has read often enough; if not, it is given the time for one more."""
    before = _updates(topology)
    if before >= UPDATES:
        return True
    topology.node("client").wait_for(lambda _: _updates(topology) > before, 120, "one more update")
    return False


def _updates(topology: Topology) -> int:
    """How many have been good so far."""
    return len(topology.node("client").run("cat", "/tmp/good", user="root").splitlines())


def test_apt_update_never_fails_while_the_origin_publishes(topology: Topology) -> None:
    client, leaf = topology.node("client"), topology.node("leaf2")
    origin = topology.node("origin")
    before, began = [node.archive()["publication"] for node in (origin, leaf)], time.monotonic()
    loop = client.start_exec("sh", "-c", LOOP, user="root")
    client.wait_for(lambda node: node.exec("test", "-e", "/tmp/bad", user="root").code == 0, 60, "reads")
    published = _publish_all(topology)
    topology.wait_serial(str(topology.node("origin").serial()), *MIRRORS)
    client.run("touch", "/tmp/stop", user="root")
    assert loop.wait(120, "the last update") == 0

    failed = client.run("cat", "/tmp/bad", user="root")
    done = _updates(topology)
    above, below = (node.archive()["publication"] - count for node, count in zip((origin, leaf), before, strict=True))
    seconds = time.monotonic() - began
    print(f"{done} updates of apt, {above} publications at the origin, {below} at the leaf, {seconds:.0f} s")
    assert above == published >= PUBLICATIONS
    assert failed == ""
    assert done >= UPDATES
