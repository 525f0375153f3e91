"""How far a sync is, while it fetches through a narrow line: in status and metrics, and for who waits at a terminal."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.ground.waiting import wait_for
from tests.harness import Lone, Node

pytestmark = pytest.mark.integration

IMAGE: Final = 16_000_000
NARROW: Final = "4000"
"""KiB/s: four seconds for the image."""
TRIES: Final = 4
"""Images that are fetched at most: a busy machine may sleep through one."""

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
    leaf.wait_for(_has_rested, 60, "has the first state")
    return origin, leaf


def _has_rested(node: Node) -> bool:
    """By one look: it is idle before its first run, and has a serial before the end of that."""
    archive = node.archive("data")
    return bool(archive["state"] == "idle" and archive["serial"])


def ask(node: Lone, path: str) -> httpx.Response:
    return httpx.get(f"http://127.0.0.1:{node.port(8080)}{path}", timeout=60)


@dataclass(frozen=True, slots=True)
class Watched:
    """A fetch: what was seen of it, and the metrics in the middle of it."""

    looks: list[dict[str, Any]]
    metrics: dict[str, Any]

    @property
    def is_enough(self) -> bool:
        """A machine that was too busy to look has seen nothing to say something of."""
        return len({look["bytes"] for look in self.looks}) > 10 and bool(self.metrics.get("mirror_run_bytes"))

    @property
    def rates(self) -> list[float]:
        """When it had gone on for a while, and for a while to come."""
        middle = [look for look in self.looks if look["stage_seconds"] > 1.5 and look["remaining_seconds"]]
        return [look["bytes_per_second"] for look in middle]


def watch(origin: Lone, node: Lone, name: str) -> Watched:
    """Has a new image fetched, and looks on."""
    origin.run("sh", "-c", WRITE, str(IMAGE), name)
    waiter = node.start_exec("mirrorctl", "sync", "data", "--wait")
    looks: list[dict[str, Any]] = []

    def ended() -> bool:
        progress = ask(node, "/api/v1/status").json()["archives"]["data"]["progress"]
        if progress and progress["planned_bytes"]:
            looks.append(progress)
        return progress is None and waiter.code() is not None

    wait_for(lambda: ended() or (looks and looks[-1]["bytes"] > IMAGE / 8), 120, "some of it is here")
    metrics = {one.name: one.samples for one in text_string_to_metric_families(ask(node, "/metrics").text)}
    wait_for(ended, 120, "all of it is here")
    assert waiter.code() == 0
    return Watched(looks, metrics)


def test_a_narrow_line_is_watched_from_outside(leaf: tuple[Lone, Lone]) -> None:
    origin, node = leaf
    for number in range(TRIES):
        seen = watch(origin, node, f"image{number}")
        if seen.is_enough and all(0.3e6 < rate < 6e6 for rate in seen.rates):
            break
    assert seen.is_enough, seen
    assert all(0.3e6 < rate < 6e6 for rate in seen.rates), "never near what the line carries"
    looks, metrics = seen.looks, seen.metrics
    # Ten of payload, the chain, and the origin's trace, unless that was fetched beside the walk already.
    assert {look["planned_files"] for look in looks} in ({11}, {12})
    assert len({look["planned_bytes"] for look in looks}) == 1
    assert IMAGE < looks[0]["planned_bytes"] < IMAGE * 1.001
    for figure in ("bytes", "files", "fetched_bytes"):
        assert all(one[figure] <= other[figure] for one, other in pairwise(looks))
    assert IMAGE / 8 < metrics["mirror_run_bytes"][0].value < metrics["mirror_run_planned_bytes"][0].value
    assert node.exec("mirrorctl", "status").code == 0
    assert "mirror_run_bytes{" not in ask(node, "/metrics").text


def test_a_terminal_has_one_line_that_ends_as_a_summary(leaf: tuple[Lone, Lone]) -> None:
    origin, node = leaf
    for number in range(TRIES):
        origin.run("sh", "-c", WRITE, str(IMAGE), f"another{number}")
        code, raw = node.container.exec_run(
            ["mirrorctl", "sync", "data", "--wait"], tty=True, environment={"TERM": "xterm"}
        )
        text = raw.decode()
        assert code == 0
        shares = [int(share) for share in re.findall(r"data: payload (\d+) %", text)]
        assert shares == sorted(shares)
        if len(set(shares)) > 2:
            break
    assert len(set(shares)) > 2, "it was told of too rarely, each time"
    assert re.search(r"payload \d+ %, \d+(\.\d)? s left, [\d.]+ MB of 16.0 MB, [\d.]+ MB/s", text)
    assert re.search(
        r"data: 1\d files \(10 payload, \d index\), serial \d{10}, 16.\d MB in ([4-9]|\d\d+) s, [\d.]+ MB/s\s*$", text
    )
