"""Trace files, as the world reads them: field for field beside stock's, by the status checker's rules, over three hops.

A stock origin, a mirror of each kind below it with the same settings, and a chain ours, stock, ours (PROTOCOL
section 4).
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Final

import pytest

from tests.stock import Mirror, Ours, Sample, Stock, World, variables

pytestmark = pytest.mark.integration

TWIN: Final = "twin"
"""Held by both kinds of mirror, each from the origin."""
CHAIN: Final = "chain"
HOPS: Final = ("hub-ours", "leaf-stock", "far-ours")
INFO: Final = {
    "MAINTAINER": "Ada Example <ada@example.org>",
    "SPONSOR": "Example Ltd <https://example.org>",
    "COUNTRY": "XX",
    "LOCATION": "Exampleton",
    "THROUGHPUT": "10Gb",
}

DATE: Final = "%a %b %d %H:%M:%S UTC %Y"
"""First line of a trace file, as the status checker takes it."""
FIELD: Final = re.compile(r"[\w -]+: .*|Using dak v1")
"""Every other line, as the redirector takes it."""
STOCKS_OWN: Final = {"Used ftpsync version", "Creator", "Running on host"}
"""Fields that say who wrote the file. We do not claim to be ftpsync, so the first is not in ours."""
MEASURED: Final = re.compile(r"Date|Total|Average")
SHOWN: Final = re.compile(r'href="([A-Za-z0-9._-]+)"')
"""What the status checker sees in a listing of traces."""


class Traces:
    """The mirrors, level with their upstream."""

    def __init__(self, world: World, stack: ExitStack) -> None:
        self.origin = stack.enter_context(world.stock("origin-stock"))
        for archive in (TWIN, CHAIN):
            self.origin.module(archive)
        self.stock = stack.enter_context(world.stock("leaf-stock"))
        self.stock.module(CHAIN)
        self.stock.ftpsync(CHAIN, Ours, "hub-ours")
        told = {f"INFO_{name}": text for name, text in INFO.items()}
        self.stock.ftpsync(TWIN, Stock, "origin-stock", ARCH_INCLUDE="amd64", **told)
        self.hub = stack.enter_context(world.ours("hub-ours", _hub()))
        source = variables(CHAIN, upstream=Stock.upstream("leaf-stock", CHAIN), poll="off", grace="0")
        self.far = stack.enter_context(world.ours("far-ours", {**source, **DEFAULT}))
        # Their own first syncs come to nothing, and must not come to anything later: traces tell who asked for a run.
        self.hub.wait_begun(TWIN, CHAIN)
        self.far.wait_begun(CHAIN)
        self.sync(TWIN, 1, self.stock, self.hub)
        for version in (1, 2):
            self.sync(CHAIN, version, self.hub, self.stock, self.far)

    def sync(self, archive: str, version: int, *nodes: Mirror) -> None:
        """Another version, fetched by these in turn."""
        self.change(archive, version)
        for node in nodes:
            self.trigger(node, archive)

    def change(self, archive: str, version: int) -> str:
        self.origin.write(archive, Sample(version))
        return self.origin.next_serial(archive)

    def trigger(self, node: Mirror, archive: str, stage: str = "all") -> None:
        assert self.origin.trigger(node, f" sync:archive:{archive} sync:{stage}").code == 0

    def http(self, path: str) -> str:
        """What our hub serves to the world."""
        return self.origin.run("curl", "--fail", "--silent", "--show-error", f"http://hub-ours:8080/{path}")

    def status(self, path: str) -> str:
        """The HTTP status of a path of our hub."""
        return self.origin.run(
            "curl", "--silent", "--output", "/dev/null", "--write-out", "%{http_code}", f"http://hub-ours:8080/{path}"
        )


DEFAULT: Final = variables("debian", comment="the default archive")


def _hub() -> dict[str, str]:
    told = {f"MIRROR_INFO__{name}": text for name, text in INFO.items()}
    for archive, more in ((TWIN, {"arch_include": "amd64"}), (CHAIN, {})):
        source = {"upstream": Stock.upstream("origin-stock", archive), "poll": "off", "grace": "0"}
        told |= variables(archive, **source, **more)
    return {**told, **DEFAULT}


@pytest.fixture(scope="module")
def traces(world: World) -> Iterator[Traces]:
    with ExitStack() as stack:
        yield Traces(world, stack)


def text_of(node: Mirror, archive: str, name: str = "") -> str:
    return node.run("cat", f"{node.tree(archive)}/project/trace/{name or node.name}")


def test_our_fields_are_those_of_stock(traces: Traces) -> None:
    texts = [text_of(node, TWIN) for node in (traces.stock, traces.hub)]
    stock, ours = ([line.partition(": ") for line in text.splitlines()[1:]] for text in texts)
    assert [key for key, *_ in ours if not key.startswith("Average")] == [
        key for key, *_ in stock if key != "Used ftpsync version" and not key.startswith("Average")
    ]
    same = [{key: value for key, _, value in fields if comparable(key)} for fields in (stock, ours)]
    assert same[0] == same[1]
    assert same[0]["Architectures-Configuration"] == "INCLUDE amd64 "


def comparable(key: str) -> bool:
    return key not in STOCKS_OWN and not MEASURED.match(key)


def test_the_status_checker_reads_us(traces: Traces) -> None:
    base = f"{TWIN}/project/trace"
    for name in ("master", "hub-ours"):
        first, *lines = traces.http(f"{base}/{name}").splitlines()
        assert abs(time.time() - time.mktime(time.strptime(first, DATE)) + time.timezone) < 3600
        assert all(FIELD.fullmatch(line) for line in lines)
    fields = {line.partition(":")[0].lower() for line in lines}
    assert {"creator", "upstream-mirror", "trigger", "total time spent in rsync", "architectures"} <= fields
    seen = {name for name in SHOWN.findall(traces.http(f"{base}/")) if not re.search(r"^_|-stage1$|\.new$", name)}
    assert {"hub-ours", "origin-stock"} <= seen
    for flag in ("Archive-Update-in-Progress-hub-ours", "Archive-Update-Required-hub-ours"):
        assert traces.status(f"{TWIN}/{flag}") == "404"


def test_the_hierarchy_grows_by_a_line_with_every_hop(traces: Traces) -> None:
    chain = [line.split() for line in text_of(traces.far, CHAIN, "_hierarchy").splitlines()]
    assert [(name, mirror, upstream) for name, mirror, _, upstream in chain] == [
        ("hub-ours", "hub-ours", "origin-stock"),
        ("leaf-stock", "leaf-stock", "hub-ours"),
        ("far-ours", "far-ours", "leaf-stock"),
    ]
    assert text_of(traces.far, CHAIN, "_hierarchy.mirror") == text_of(traces.far, CHAIN, "_hierarchy")


def test_traces_are_listed_oldest_first(traces: Traces) -> None:
    listed = text_of(traces.far, CHAIN, "_traces").split()
    assert listed == ["origin-stock", "hub-ours", "leaf-stock", "far-ours"]
    # As ls sees it: links aside, oldest first.
    found = traces.far.run(
        "find", f"{traces.far.tree(CHAIN)}/project/trace", "-type", "f", "-not", "-name", "_*", "-printf", r"%T@ %f\n"
    )
    assert listed == [line.split()[1] for line in sorted(found.splitlines(), key=lambda line: float(line.split()[0]))]


def test_a_stage_1_trace_is_there_between_the_stages(traces: Traces) -> None:
    before = traces.hub.trace(CHAIN)
    serial = traces.change(CHAIN, 3)
    traces.trigger(traces.hub, CHAIN, "stage1")
    assert traces.hub.trace(CHAIN) == before
    between = traces.hub.trace(CHAIN, "hub-ours-stage1")
    assert {"Date", "Creator", "Upstream-mirror", "Total time spent in stage1 rsync"} <= between.keys()
    traces.trigger(traces.stock, CHAIN, "stage1")
    assert traces.stock.trace(CHAIN, "hub-ours-stage1") == between

    traces.trigger(traces.hub, CHAIN, "stage2")
    traces.trigger(traces.stock, CHAIN, "stage2")
    assert traces.hub.serial_of(CHAIN) == traces.stock.serial_of(CHAIN) == serial
    # Stock leaves its own until the next unstaged sync; ours is gone, and so it is downstream.
    for node in (traces.hub, traces.stock):
        assert not node.has(CHAIN, "project/trace/hub-ours-stage1")
    assert traces.stock.has(CHAIN, "project/trace/leaf-stock-stage1")
