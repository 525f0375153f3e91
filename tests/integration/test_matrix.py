"""Every chain of three that stock mirrors and ours can form, under every kind of push: the leaf ends as its origin.

Six mirrors hold an archive for each chain, all chains travel at once. Every archive is published twice: in between a
file is gone, one is new, one has changed in place, and all indices are others.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Final

import pytest

from tests.stock import Mirror, Ours, Sample, Stock, World, variables

pytestmark = pytest.mark.integration

KINDS: Final = ("all", "staged", "mhop")
PLACES: Final = ("origin", "hub", "leaf")
BOTH: Final[tuple[type[Mirror], ...]] = (Stock, Ours)
AT_ONCE: Final = 6
"""Chains under way at a time: what two processor cores do without anybody running into a deadline."""
DEADLINE: Final = 120.0


@dataclass(frozen=True, slots=True)
class Chain:
    """Who is what in it, and how it is pushed; all of that is also the name of its archive."""

    origin: type[Mirror]
    hub: type[Mirror]
    leaf: type[Mirror]
    kind: str

    @property
    def archive(self) -> str:
        return f"{self.origin.__name__}-{self.hub.__name__}-{self.leaf.__name__}-{self.kind}".lower()

    @property
    def own_files(self) -> set[str]:
        """What the mirrors below the origin write for themselves (PROTOCOL section 4): all that may differ."""
        hub, leaf = host("hub", self.hub), host("leaf", self.leaf)
        names = (hub, f"{hub}-stage1", leaf, f"{leaf}-stage1", "_traces", "_hierarchy", "_hierarchy.mirror")
        return {f"project/trace/{name}" for name in names}


CHAINS: Final = [Chain(*chain) for chain in itertools.product(BOTH, BOTH, BOTH, KINDS)]


def host(place: str, kind: type[Mirror]) -> str:
    """Name of the one mirror of a kind at a place."""
    return f"{place}-{kind.__name__.lower()}"


class Matrix:
    """The six mirrors, and the chains through them."""

    def __init__(self, world: World, stack: ExitStack) -> None:
        # What is upstream of ours is there before ours start, which begin with a first sync of their own.
        with ThreadPoolExecutor(AT_ONCE) as pool:
            nodes = pool.map(stack.enter_context, [world.stock(host(place, Stock)) for place in PLACES])
            self._stock = dict(zip(PLACES, nodes, strict=True))
            list(pool.map(self._configure, CHAINS))
        self._ours = {place: stack.enter_context(world.ours(host(place, Ours), settings(place))) for place in PLACES}

    def node(self, place: str, kind: type[Mirror]) -> Mirror:
        return self._stock[place] if kind is Stock else self._ours[place]

    def _configure(self, chain: Chain) -> None:
        """Tells the stock mirrors of the chain what ours learn at their start."""
        archive, (origin, hub, leaf) = chain.archive, (self._stock[place] for place in PLACES)
        if chain.origin is Stock:
            origin.module(archive)
            origin.runmirrors(archive, chain.hub.line(host("hub", chain.hub), chain.kind))
        if chain.hub is Stock:
            hub.module(archive)
            hub.ftpsync(archive, chain.origin, host("origin", chain.origin), HUB="true")
            hub.runmirrors(archive, chain.leaf.line(host("leaf", chain.leaf), chain.kind))
        if chain.leaf is Stock:
            leaf.ftpsync(archive, chain.hub, host("hub", chain.hub))

    def travel(self, chain: Chain) -> list[str]:
        """Sends both versions of the archive down the chain; the paths in which the leaf differs from the origin."""
        origin, leaf = self.node("origin", chain.origin), self.node("leaf", chain.leaf)
        differences: list[str] = []
        for version in (1, 2):
            origin.write(chain.archive, Sample(version))
            serial = origin.announce(chain.archive, "mhop" if chain.kind == "mhop" else "all")
            leaf.wait_carries(chain.archive, serial, DEADLINE)
            differences = leaf.compare(chain.archive, origin)
        return differences


def settings(place: str) -> dict[str, str]:
    """The variables of our mirror at a place: its archives, and whom it tells."""
    held = [chain for chain in CHAINS if getattr(chain, place) is Ours]
    found: dict[str, str] = {}
    for chain in held:
        above: tuple[str, type[Mirror]] | None = {"hub": ("origin", chain.origin), "leaf": ("hub", chain.hub)}.get(
            place
        )
        source = {"upstream": above[1].upstream(host(*above), chain.archive)} if above else {}
        found |= variables(chain.archive, grace="0", poll="off", **source)
    below = {"origin": "hub", "hub": "leaf"}.get(place)
    told = [_told(held, below, kind, push) for kind in BOTH for push in KINDS] if below else []
    return {**found, "MIRROR_DOWNSTREAMS": " ".join(told)}


def _told(chains: list[Chain], below: str, kind: type[Mirror], push: str) -> str:
    archives = [chain.archive for chain in chains if getattr(chain, below) is kind and chain.kind == push]
    name = host(below, kind)
    return kind.downstream(name, push, *archives, name=f"{name}-{push}")


@pytest.fixture(scope="module")
def journeys(world: World) -> Iterator[dict[Chain, Future[list[str]]]]:
    """All chains under way."""
    with ExitStack() as stack:
        matrix = Matrix(world, stack)
        pool = stack.enter_context(ThreadPoolExecutor(AT_ONCE))
        yield {chain: pool.submit(matrix.travel, chain) for chain in CHAINS}


@pytest.mark.parametrize("chain", CHAINS, ids=lambda chain: chain.archive)
def test_the_leaf_ends_as_its_origin(journeys: dict[Chain, Future[list[str]]], chain: Chain) -> None:
    differences = journeys[chain].result()
    assert set(differences) <= chain.own_files
    assert f"project/trace/{host('leaf', chain.leaf)}" in differences, "nothing was compared"
