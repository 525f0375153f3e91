"""Twelve mirrors as the origin sees them: whom it feeds, whom it was told of, and whom nobody has told it of."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import pytest

from tests.harness import Node
from tests.harness.scrape import propagation
from tests.integration.panels import NOTHING, PANELS, all_shown, shown
from tests.stock import Ours, Stock, World, variables

pytestmark = pytest.mark.integration

ORIGIN: Final = "origin-ours"
HUB: Final = "hub-ours"
LEAF: Final = "leaf-ours"
STOCK: Final = "hub-stock"
FAR: Final = "far-stock"
"""A stock mirror that fetches from our hub, and of which nobody tells."""
FILES: Final = "leaf-stock"
"""One machine with all the mirrors that have nothing but files."""

TIERS: Final = {HUB: 1, LEAF: 2}
"""How far these two are away from the origin, as its metrics have it."""

WITHIN: Final = 60.0
"""Seconds in which a change is seen, on a machine that stalls, too; who looks at everybody in turn takes a thousand."""

HOUR: Final = 3600
INDEX: Final = "dists/stable/InRelease"

COPIED: Final = {
    "copy": "rsync://far-stock/debian/",
    "module": "rsync://origin-ours:8730/debian/",
    "plain": "rsync://origin-ours:8730/debian/",
    "clock": "rsync://origin-ours:8730/debian/",
}
"""Mirrors that fetch by rsync alone, and where from."""

REGISTRY: Final = f"""
["copy"]
urls = ["http://{FILES}:8000/copy/*/"]
["plain"]
urls = ["http://{FILES}:8000/plain/*/"]
country = "fr"
["module"]
urls = ["http://{FILES}:9/*/", "rsync://{FILES}/module/*/"]
["clock"]
urls = ["http://{FILES}:8000/clock/*/"]
["liar"]
urls = ["http://{FILES}:8000/liar/*/"]
["stopped"]
urls = ["http://{FILES}:8000/stopped/*/"]
listed = false
["dead"]
urls = ["http://{FILES}:9/*/"]
"""

COPY: Final = 'mkdir -p "/srv/mirror/$1/debian" && rsync -a --delete "$2$3" "/srv/mirror/$1/debian/$3"'

AGE: Final = """
import sqlite3, sys, time
db = sqlite3.connect("/var/lib/mirror/store.sqlite3", timeout=20)
db.execute("update publication set published = ? where serial = ?", (time.time() - float(sys.argv[2]), sys.argv[1]))
db.commit()
"""
"""As if a serial had been published so many seconds ago."""


ARRIVED: Final = """
import sqlite3, sys
db = sqlite3.connect("/var/lib/mirror/store.sqlite3", timeout=20)
print(*(name for name, in db.execute("select mirror from arrival where serial = ?", (int(sys.argv[1]),))))
"""
"""Who was seen to carry a serial as the newest."""

ASK: Final = """
import http.client, sys
line = http.client.HTTPConnection(sys.argv[1], 8080)
line.request("GET", sys.argv[2])
print(line.getresponse().status)
"""


def publish(origin: Ours, text: str) -> str:
    """The next publication, whose index is this text: of a length of its own, or stock takes it for the last one."""
    origin.put("/srv/mirror/debian", {INDEX: text.encode()})
    serial = origin.announce("debian")
    origin.wait_carries("debian", serial)  # its record of the index is made
    return serial


def fetch(files: Stock, name: str, source: str = "rsync://origin-ours:8730/debian/", below: str = "") -> None:
    """One of those with nothing but files fetches, the whole or a part."""
    files.run("sh", "-euc", COPY, "copy", name, source, below)


@dataclass(frozen=True, slots=True)
class Tree:
    origin: Ours
    hub: Ours
    leaf: Ours
    stock: Stock
    far: Stock
    files: Stock

    def seen(self) -> dict[str, dict[str, Any]]:
        """What the origin shows of every mirror, by name."""
        return {one["mirror"]: one for one in self.origin.status()["mirrors"]}

    @property
    def ours(self) -> tuple[tuple[str, Ours], ...]:
        """The mirrors of ours below the origin."""
        return (HUB, self.hub), (LEAF, self.leaf)

    def wait_counted(self, serial: str) -> None:
        """Until its metrics know that the two mirrors of ours have a serial: that is noted behind the sight of it."""

        def look(node: Node) -> bool:
            return set(TIERS) <= set(node.run("python3", "-c", ARRIVED, serial).split())

        self.origin.wait_for(look, 60, f"has noted who has {serial}")

    def see(self, **expected: dict[str, Any]) -> float:
        """Wait until the mirrors are seen as they are now; the seconds that took, which must be few."""
        began = time.monotonic()

        def look(_: object) -> bool:
            seen = self.seen()
            return all(_is(seen.get(name, {}), facts) for name, facts in expected.items())

        try:
            self.origin.wait_for(look, WITHIN, f"sees {expected}")
        except AssertionError as late:
            late.add_note(f"it sees { {name: self.seen().get(name) for name in expected} }")
            raise
        return time.monotonic() - began


def _is(seen: dict[str, Any], facts: dict[str, Any]) -> bool:
    return all(seen.get(key) == value for key, value in facts.items())


@pytest.fixture(scope="module")
def tree(world: World) -> Iterator[Tree]:
    """Two old publications: the liar has the traces of the newer one, who has stopped has the older one."""
    downstreams = f"{Ours.downstream(HUB, 'all')} {Stock.downstream(STOCK, 'all')}&site=rsync://{STOCK}/*"
    with ExitStack() as stack:
        stocks = [stack.enter_context(world.stock(name)) for name in (STOCK, FAR, FILES)]
        for node, upstream in zip(stocks, (ORIGIN, HUB), strict=False):
            node.ftpsync("debian", Ours, upstream)
            node.module("debian")
        stocks[2].module("module")
        stocks[2].www()

        def ours(name: str, upstream: str, more: dict[str, str]) -> Ours:
            settings = variables("debian", upstream=upstream, profile="generic", poll="off")
            return stack.enter_context(world.ours(name, settings | more))

        origin = ours(ORIGIN, "none", {"MIRROR_DOWNSTREAMS": downstreams, "MIRROR_REGISTRY": REGISTRY})
        files = stocks[2]
        origin.put("/srv/mirror", {"debian/pool/a": b"payload"})
        first = publish(origin, "one")
        stocks[0].wait_carries("debian", first)  # a stock mirror may lose the push that comes while it still syncs
        fetch(files, "stopped")
        fetch(files, "liar")
        second = publish(origin, "second")
        fetch(files, "liar", below="project/")
        for name in ("plain", "module", "clock"):
            fetch(files, name)
        for serial, age in ((first, 50 * HOUR), (second, 26 * HOUR)):
            origin.run("python3", "-c", AGE, serial, str(age))
        says = {"MIRROR_PUBLIC__HTTP": f"http://{HUB}:8080"}  # nobody else tells the origin
        hub = ours(HUB, Ours.upstream(ORIGIN, "debian"), says | {"MIRROR_DOWNSTREAMS": Ours.downstream(LEAF, "all")})
        hub.wait_carries("debian", second)
        leaf = ours(LEAF, Ours.upstream(HUB, "debian"), {})
        leaf.wait_carries("debian", second)
        stocks[0].wait_carries("debian", second)
        for above in (origin, hub):  # they have tried before the other was there
            above.run("mirrorctl", "push", "debian")
        made = Tree(origin, hub, leaf, *stocks)
        made.see(**{name: {"serial": second} for name in (HUB, LEAF, STOCK)})
        made.wait_counted(second)
        yield made


@dataclass(frozen=True, slots=True)
class Sweep:
    """What one of the two mirrors of ours made of a publication, in seconds and the clock's: what the origin counts of
    it, when readers first found it there, and when it was seen at the latest."""

    count: float
    seconds: float
    appeared: float
    seen: float


@pytest.fixture(scope="module")
def swept(tree: Tree) -> dict[str, Sweep]:
    """A publication sweeps through the tree; each change is awaited for itself."""
    before = {name: propagation(tree.origin, name, tier) for name, tier in TIERS.items()}
    old, new = tree.origin.serial_of("debian"), publish(tree.origin, "the third")
    published, times, moments = tree.origin.archive("debian")["published_at"], {}, {}
    for name, node in ((HUB, tree.hub), (LEAF, tree.leaf), (STOCK, tree.stock)):
        node.wait_carries("debian", new)
        times[name] = tree.see(**{name: {"serial": new, "missed": 0, "fresh": "fresh"}})
        moments[name] = time.time()
    behind = {"serial": old, "missed": 1, "fresh": "fresh", "consistent": True}
    times["behind"] = tree.see(plain=behind, module=behind, clock=behind)
    tree.far.as_account("ftpsync", "sync:archive:debian", "sync:all")
    assert tree.far.serial_of("debian") == new
    for name, source in COPIED.items():
        fetch(tree.files, name, source)
    tree.files.run("sh", "-c", "find /srv/mirror/clock -exec touch -h -d 2099-01-01 {} +")
    arrived = {"serial": new, "missed": 0, "fresh": "fresh", "consistent": True}
    times["files"] = tree.see(**dict.fromkeys(COPIED, arrived))
    times[FAR] = tree.see(**{FAR: {"serial": new, "missed": 0, "source": "trace"}})
    print(" ".join(f"{name} {seconds:.1f} s" for name, seconds in times.items()))
    tree.wait_counted(new)
    now = {name: propagation(tree.origin, name, tier) for name, tier in TIERS.items()}
    counts = {name: (now[name][0] - before[name][0], now[name][1] - before[name][1]) for name in TIERS}
    moves = {name: (appeared(node) - published, moments[name] - published) for name, node in tree.ours}
    return {name: Sweep(*counts[name], *moves[name]) for name in TIERS}


def appeared(mirror: Ours) -> float:
    """When the readers of a mirror first got the index that they get: it was renamed then, and not touched since."""
    return float(mirror.run("find", f"{mirror.tree('debian')}/{INDEX}", "-printf", "%C@"))


def test_every_node_is_at_its_true_serial_soon_after_any_change(swept: dict[str, Sweep]) -> None:
    """And the metrics say how soon."""
    for name, one in swept.items():
        assert one.count == 1, name
        assert one.appeared <= one.seconds <= one.seen, name


@pytest.mark.usefixtures("swept")
def test_the_tree_is_what_traces_and_reports_make_of_it(tree: Tree) -> None:
    expected = {
        ORIGIN: ("self", None), HUB: ("downstream", ORIGIN), STOCK: ("downstream", ORIGIN), LEAF: ("report", HUB),
        FAR: ("trace", HUB), "copy": ("registered", FAR), "dead": ("registered", None),
        **dict.fromkeys(("plain", "module", "clock", "liar", "stopped"), ("registered", ORIGIN)),
    }  # fmt: skip
    tree.see(**{name: {"source": source, "parent": parent} for name, (source, parent) in expected.items()})
    seen = tree.seen()
    assert seen.keys() == expected.keys()
    assert seen["module"]["url"] == f"rsync://{FILES}/module/debian"
    assert [one["mirror"] for one in seen.values() if one["listed"]] == [
        "clock", "copy", "dead", "liar", "module", "plain",
    ]  # fmt: skip


@pytest.mark.usefixtures("swept")
def test_nobody_is_taken_for_what_he_is_not(tree: Tree) -> None:
    """A new trace over old indices, one that stopped a day ago, one that does not answer."""
    late = {"fresh": "unlisted", "missed": 2}
    dead = {"fresh": "unknown", "serial": None}
    tree.see(liar={**late, "consistent": False}, stopped={**late, "consistent": True}, dead=dead)
    tree.origin.wait_for(lambda _: tree.seen()["dead"]["error"], WITHIN, "says what is the matter with the dead one")
    seen = tree.seen()
    assert seen["liar"]["serial"] == seen["stopped"]["serial"] != seen["plain"]["serial"]
    assert seen["stopped"]["lag"] == pytest.approx(26 * HOUR, abs=600)


def test_who_comes_back_is_seen_soon(tree: Tree) -> None:
    publish(tree.origin, "one more of them")
    for name in ("liar", "stopped"):
        fetch(tree.files, name)
    facts = {"serial": tree.origin.serial_of("debian"), "fresh": "fresh", "consistent": True, "missed": 0}
    print(f"{tree.see(liar=facts, stopped=facts):.1f} s")


def test_every_panel_of_the_dashboard_has_something_to_show(tree: Tree, world: World) -> None:
    """In a real Prometheus that has looked at the tree while something happened there."""
    scrape = {"job_name": "mirrors", "static_configs": [{"targets": [f"{name}:8080" for name in (ORIGIN, HUB)]}]}
    config = {"global": {"scrape_interval": "1s"}, "scrape_configs": [scrape]}
    with world.prometheus(json.dumps(config).encode()) as prometheus:
        prometheus.wait_for(lambda node: len(shown(node, "mirror_build_info")) == 2, 30, "has looked at both")
        new = publish(tree.origin, "what Prometheus sees")
        tree.see(**{name: {"serial": new} for name in (HUB, LEAF)})
        # For a moment it sends people where it would have sent them before.
        asked = ("python3", "-c", ASK, ORIGIN, "/r/debian/pool/a")
        tree.hub.wait_for(lambda node: node.run(*asked).strip() == "302", 60, "is sent to a mirror")
        tree.hub.run("mirrorctl", "pause", "debian")
        tree.origin.run("mirrorctl", "push", "debian")
        try:
            for title in PANELS.keys() - NOTHING:
                prometheus.wait_for(partial(all_shown, title=title), 20, f"has data for {title!r}")
        finally:
            tree.hub.run("mirrorctl", "resume", "debian")
