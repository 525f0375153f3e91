"""The mirrors that are compared, behind one protocol: each fetches the same module, and the same server serves it.

Ours is the product as it comes. The other two are stock's scripts and a bare rsync; what they fetch is served by the
product's web server, which reads their volume, so that only the sync differs.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from tests.stock import Mirror, Ours, Stock, World, variables

ARCHIVE: Final = "bench"
MOUNTED: Final = "/archive"
HTTP: Final = 8080
GRACE: Final = "5s"
"""How long ours keeps what its upstream deleted. By default it is a day, which hides what this is to show, and leaves
no tree that could be compared with the upstream's."""
TRIGGER: Final = f" sync:archive:{ARCHIVE} sync:all"
DATA: Final = "/srv/mirror"

NOT_ARCHIVE: Final = ("--exclude=/project/trace/",)
"""What each mirror has of its own."""


class Subject(Protocol):
    """One mirror of the comparison."""

    @property
    def kind(self) -> str:
        """What it is called in the table."""

    @property
    def host(self) -> str:
        """The address whose port HTTP serves it."""

    def sync(self) -> bool:
        """One sync, over when this returns; False when it says that it failed."""

    def differences(self) -> list[str]:
        """Paths in which its tree is not the origin's."""


@dataclass(frozen=True, slots=True)
class Triggered:
    """A mirror that the origin triggers by ssh: the same words for the product and for stock's scripts."""

    kind: str
    host: str
    origin: Stock
    leaf: Mirror

    def sync(self) -> bool:
        return self.origin.trigger(self.leaf, TRIGGER).code == 0

    def differences(self) -> list[str]:
        return self.leaf.compare(ARCHIVE, self.origin, *NOT_ARCHIVE)


@dataclass(frozen=True, slots=True)
class Plain:
    """`rsync -a --delete`, called again and again."""

    kind: str
    host: str
    origin: Stock
    leaf: Stock

    def sync(self) -> bool:
        source = f"{Stock.upstream(self.origin.name, ARCHIVE)}/"
        return self.leaf.as_account("rsync", "-a", "--delete", source, f"{self.leaf.tree(ARCHIVE)}/").code == 0

    def differences(self) -> list[str]:
        return self.leaf.compare(ARCHIVE, self.origin, *NOT_ARCHIVE)


@contextmanager
def running(root: Path) -> Iterator[list[Subject]]:
    """An origin that serves the archive at `root`, and below it ours, stock and a plain rsync, all of them empty."""
    with ExitStack() as stack:
        world = stack.enter_context(World())
        mounts = {os.fspath(root): {"bind": MOUNTED, "mode": "ro"}}
        origin = stack.enter_context(world.stock("origin-stock", volumes=mounts))
        origin.module(ARCHIVE, path=MOUNTED)
        yield [_ours(world, stack, origin), _stock(world, stack, origin), _plain(world, stack, origin)]


def _ours(world: World, stack: ExitStack, origin: Stock) -> Subject:
    settings = variables(ARCHIVE, upstream=Stock.upstream(origin.name, ARCHIVE), poll="off", grace=GRACE)
    leaf = stack.enter_context(world.ours("leaf-ours", settings))
    return Triggered("ours", leaf.address(), origin, leaf)


def _stock(world: World, stack: ExitStack, origin: Stock) -> Subject:
    leaf, web = _served(world, stack, "leaf-stock", "hub-ours")
    leaf.ftpsync(ARCHIVE, Stock, origin.name)
    return Triggered("ftpsync", web.address(), origin, leaf)


def _plain(world: World, stack: ExitStack, origin: Stock) -> Subject:
    leaf, web = _served(world, stack, "far-stock", "far-ours")
    return Plain("rsync -a --delete", web.address(), origin, leaf)


def _served(world: World, stack: ExitStack, name: str, server: str) -> tuple[Stock, Ours]:
    """A stock mirror, and the product's web server over its volume."""
    volumes = {world.volume(): {"bind": DATA, "mode": "rw"}}
    leaf = stack.enter_context(world.stock(name, volumes=volumes))
    leaf.put(DATA, {ARCHIVE: None})
    # An archive without upstream: it is served, and nobody here publishes it.
    settings = variables(ARCHIVE, comment="somebody else's")
    return leaf, stack.enter_context(world.ours(server, settings, volumes=volumes, user=f"{Stock.owner}:{Stock.owner}"))
