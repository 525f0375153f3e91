"""How far a sync is, while it fetches through a narrow line: in status and metrics, and for who waits at a terminal."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import pairwise
from typing import Any, Final

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.ground.waiting import wait_for
from tests.harness import Lone

pytestmark = pytest.mark.integration

IMAGE: Final = 16_000_000
NARROW: Final = "4000"
"""KiB/s: four seconds for the image."""

ORIGIN: Final = {"MIRROR_NAME": "origin", "MIRROR_ARCHIVES__DATA__PROFILE": "generic"}
WRITE: Final = (
    "mkdir -p /srv/mirror/data/pool && cd /srv/mirror/data/pool && for i in 1 2 3 4 5 6 7 8 9; do echo $i > $1.$i;"
    ' done; head -c "$0" /dev/urandom > "$1" && mirrorctl publish data --wait --quiet'
)


@pytest.fixture(scope="module")
def leaf() -> Iterator[tuple[Lone, Lone]]:
    """An origin, and a leaf behind a narrow line."""
    with ExitStack() as stack:
        yield _pair(lambda environment: stack.enter_context(Lone(environment)))


def _pair(lone: Callable[[dict[str, str]], Lone]) -> tuple[Lone, Lone]:
    origin = lone(ORIGIN)
    origin.wait_healthy()
    origin.run("sh", "-c", WRITE, "1", "first")
    archive = {"UPSTREAM": f"rsync://{origin.address()}:8730/data", "BWLIMIT": NARROW, "POLL": "off"}
    leaf = lone({**ORIGIN, "MIRROR_NAME": "leaf", **{f"MIRROR_ARCHIVES__DATA__{k}": v for k, v in archive.items()}})
    leaf.wait_healthy()
    leaf.wait_for(
        lambda node: node.archive("data")["state"] == "idle" and node.serial("data"), 20, "has the first state"
    )
    return origin, leaf


def ask(node: Lone, path: str) -> httpx.Response:
    return httpx.get(f"http://127.0.0.1:{node.port(8080)}{path}")


def test_a_narrow_line_is_watched_from_outside(leaf: tuple[Lone, Lone]) -> None:
    origin, node = leaf
    origin.run("sh", "-c", WRITE, str(IMAGE), "image")
    waiter = node.start_exec("mirrorctl", "sync", "data", "--wait")
    looks: list[dict[str, Any]] = []

    def ended() -> bool:
        progress = ask(node, "/api/v1/status").json()["archives"]["data"]["progress"]
        if progress and progress["planned_bytes"]:
            looks.append(progress)
        return bool(looks) and progress is None

    wait_for(lambda: looks or ended(), 20, "a plan is made")
    wait_for(lambda: ended() or looks[-1]["bytes"] > IMAGE / 8, 20, "some of it is here")
    metrics = {one.name: one.samples for one in text_string_to_metric_families(ask(node, "/metrics").text)}
    wait_for(ended, 30, "all of it is here")
    assert waiter.wait(10, "comes back") == 0
    # Ten of payload, the chain, and the origin's trace, unless that was fetched beside the walk already.
    assert {look["planned_files"] for look in looks} in ({11}, {12})
    assert len({look["planned_bytes"] for look in looks}) == 1
    assert IMAGE < looks[0]["planned_bytes"] < IMAGE * 1.001
    for figure in ("bytes", "files", "fetched_bytes"):
        assert all(one[figure] <= other[figure] for one, other in pairwise(looks))
    assert len({look["bytes"] for look in looks}) > 10
    assert IMAGE / 8 < metrics["mirror_run_bytes"][0].value < metrics["mirror_run_planned_bytes"][0].value
    middle = [look for look in looks if look["stage_seconds"] > 1.5 and look["remaining_seconds"]]
    assert all(0.3e6 < look["bytes_per_second"] < 6e6 for look in middle)
    assert node.exec("mirrorctl", "status").code == 0
    assert "mirror_run_bytes{" not in ask(node, "/metrics").text


def test_a_terminal_has_one_line_that_ends_as_a_summary(leaf: tuple[Lone, Lone]) -> None:
    origin, node = leaf
    origin.run("sh", "-c", WRITE, str(IMAGE), "another")
    code, raw = node.container.exec_run(
        ["mirrorctl", "sync", "data", "--wait"], tty=True, environment={"TERM": "xterm"}
    )
    text = raw.decode()
    assert code == 0
    shares = [int(share) for share in re.findall(r"data: payload (\d+) %", text)]
    assert shares == sorted(shares)
    assert len(set(shares)) > 2
    assert re.search(r"payload \d+ %, \d+(\.\d)? s left, [\d.]+ MB of 16.0 MB, [\d.]+ MB/s", text)
    assert re.search(
        r"data: 1\d files \(10 payload, \d index\), serial \d{10}, 16.\d MB in [4-9] s, [\d.]+ MB/s\s*$", text
    )
