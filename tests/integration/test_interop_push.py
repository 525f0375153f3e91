"""Our pusher in front of stock's ftpsync: what it says, what the leaf does, what comes back (PROTOCOL section 6)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Final

import pytest

from tests.harness import Node
from tests.stock import FILES, Ours, Sample, Stock, World, variables

pytestmark = pytest.mark.integration

LEAF: Final = "leaf-stock"
LISTS: Final = {
    "debian": f"all {LEAF} {LEAF} archvsync\n",
    "url": f"all {LEAF} ssh+ftpsync://archvsync@{LEAF}/url\n",
    "key": f"staged {LEAF} {LEAF} archvsync 2 {FILES}/second\n",
    "hopping": f"mhop {LEAF} {LEAF} archvsync -p 2222 -o Compression=yes\n",
}
"""Archives, each pushed by another form of a list line; `debian` is the default one on both sides."""

STOCK_OPTIONS: Final = (
    "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes", "-o", "UserKnownHostsFile=/run/mirror/known_hosts",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Pair:
    origin: Ours
    leaf: Stock


@pytest.fixture(scope="module")
def pair(world: World) -> Iterator[Pair]:
    """Our origin, and the stock leaf it pushes."""
    settings: dict[str, str] = {}
    for archive, text in LISTS.items():
        settings |= variables(archive, runmirrors=text)
    with ExitStack() as stack:
        leaf = stack.enter_context(world.stock(LEAF))
        leaf.let_in("push", "second")
        for archive in LISTS:
            leaf.ftpsync("" if archive == "debian" else archive, Ours, "origin-ours")
        yield Pair(stack.enter_context(world.ours("origin-ours", settings, {"second": world.keys["second"]})), leaf)


@pytest.mark.parametrize("archive", LISTS)
def test_a_stock_leaf_does_what_we_say(pair: Pair, archive: str) -> None:
    pair.origin.write(archive, Sample())
    serial = pair.origin.announce(archive)
    pair.leaf.wait_carries(archive, serial)
    trace = pair.leaf.trace(archive)
    assert (trace["Trigger"], trace["Upstream-mirror"]) == ("ssh", "origin-ours")
    told = pair.origin.wait_for(lambda node: _delivered(node, archive, serial), 60, "knows of the delivery")
    assert told["attempts"] == 1


def _delivered(origin: Node, archive: str, serial: str) -> dict[str, object]:
    """What the pusher says once it says `delivered`: the leaf carries the serial before its answer is heard."""
    told = dict(origin.status()["downstreams"][LEAF][archive])
    return told if (told["state"], told["serial"]) == ("delivered", serial) else {}


def test_nothing_comes_back_but_the_exit_status(pair: Pair) -> None:
    key = "/run/mirror/keys/push_ed25519"
    answer = pair.origin.exec("ssh", "-n", *STOCK_OPTIONS, "-i", key, f"archvsync@{LEAF}", " sync:archive: sync:all")
    assert (answer.code, answer.out, answer.err) == (0, "", "")


def test_a_busy_leaf_is_told_again_until_it_knows(pair: Pair) -> None:
    pair.origin.write("url", Sample(2))
    with pair.leaf.busy("url"):
        serial = pair.origin.announce("url")
        told = pair.origin.wait_for(
            lambda node: node.status()["downstreams"][LEAF].get("url", {}).get("error"), 60, "knows that it is busy"
        )
        assert "busy" in told
    pair.leaf.wait_carries("url", serial)
