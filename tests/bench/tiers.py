"""The section `propagation`: how long a publication takes through three tiers, ours and stock's in turn.

Master, hub and leaf of each kind hold the same archive, of which each round replaces some packages and all indices.
The clock runs from the start of `mirrorctl publish` or `runmirrors` at the master until the leaf's own trace carries
the new serial: both write it when their publication is complete, and nothing but the file says when that was.
"""

from __future__ import annotations

import itertools
import os
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import ClassVar, Final

from tests.bench.archive import Archive, Shape
from tests.bench.meter import FailedError
from tests.bench.rows import Options, Row, Run
from tests.ground.waiting import wait_for
from tests.stock import FILES, Mirror, Ours, Stock, World, variables

NAME: Final = "propagation"
ARCHIVE: Final = "bench"
DATA: Final = "/srv/mirror"
TRACES: Final = "project/trace"
KINDS: Final = ("all", "staged", "mhop")
ROUNDS: Final = 5

LARGE: Final = Shape(architectures=("amd64", "arm64", "armhf", "i386"), packages=2750, replaced=25)
"""33 000 files in the pool, of which a publication replaces 300."""
SMALL: Final = Shape(packages=100)

FIRST: Final = 300.0
"""Seconds in which the first sync must have come to the leaf."""
DEADLINE: Final = 60.0
GLANCE: Final = 0.01
"""Seconds between two looks at the leaf's trace, which cost a few microseconds; its time stamp is what counts."""

LIST: Final = "runmirrors.mirror"
NOW: Final = 'date +%s.%N; exec "$@"'


class Tiers(ABC):
    """Master, hub and leaf, the archive that the master begins with, and where the leaf's volume is here."""

    kind: ClassVar[str]

    def __init__(self, archive: Archive, mirrors: Sequence[Mirror], leaf: Path) -> None:
        self.archive, self.mirrors = archive, mirrors
        self.own = leaf / ARCHIVE / TRACES / mirrors[-1].name
        """The leaf's own trace."""

    @abstractmethod
    def tell(self, push: str) -> None:
        """Everybody pushes in this way from now on."""

    @abstractmethod
    def announce(self, push: str) -> float:
        """Start the way of what the archive has now; returns when that was, in epoch seconds."""


class OursTiers(Tiers):
    """Three appliances. After `tell` they push over new connections."""

    kind = "ours"

    def tell(self, push: str) -> None:
        for upper, lower in itertools.pairwise(self.mirrors):
            upper.put(FILES, {LIST: f"{Ours.line(lower.name, push)}\n".encode()}, mode=0o600)
            upper.run("mirrorctl", "reload")

    def announce(self, push: str) -> float:
        return _first(self.mirrors[0].run("sh", "-c", NOW, "-", "mirrorctl", "publish", ARCHIVE))


class StockTiers(Tiers):
    """Three mirrors with Debian's scripts."""

    kind = "ftpsync"

    def __init__(self, archive: Archive, mirrors: Sequence[Stock], leaf: Path) -> None:
        super().__init__(archive, mirrors, leaf)
        self._stock = mirrors

    def tell(self, push: str) -> None:
        for upper, lower in itertools.pairwise(self._stock):
            upper.runmirrors(ARCHIVE, Stock.line(lower.name, push))

    def announce(self, push: str) -> float:
        kind = "mhop" if push == "mhop" else "all"
        return _first(self._stock[0].as_account("sh", "-c", NOW, "-", "runmirrors", "-a", ARCHIVE, "-k", kind).out)


def _first(said: str) -> float:
    return float(said.split()[0])


def travel(tiers: Tiers, push: str, deadline: float = DEADLINE) -> float:
    """One publication through all tiers: the seconds until the leaf has it. Returns when everybody rests."""
    tiers.archive.publish()
    began = tiers.announce(push)
    ended = wait_for(lambda: _arrived(tiers, began), deadline, f"the leaf of {tiers.kind} has it by {push}", GLANCE)
    wait_for(lambda: all(one.is_quiet(ARCHIVE) for one in tiers.mirrors[1:]), deadline, f"{tiers.kind} rests")
    return ended - began


def _arrived(tiers: Tiers, began: float) -> float:
    """When the leaf's own trace came to carry the master's serial; 0 while it does not."""
    try:
        written = tiers.own.stat().st_mtime
        same = _serial(tiers.own) == _serial(tiers.archive.root / TRACES / "master")
    except FileNotFoundError:
        return 0
    return written if same and written > began else 0


def _serial(trace: Path) -> str:
    return next(line for line in trace.read_text().splitlines() if line.startswith("Archive serial:"))


def rows(options: Options) -> Iterator[Row]:
    """All kinds of push, each with both kinds of mirrors in turn. Raises FailedError when a leaf is not as its master.

    The first round of each goes over new connections.
    """
    shape, rounds = (SMALL, 1) if options.quick else (LARGE, ROUNDS)
    with running(shape) as every:
        for push in KINDS:
            options.progress(f"{push}: {rounds} publications through three tiers, twice")
            for tiers in every:
                tiers.tell(push)
            runs = [[Run(travel(tiers, push)) for tiers in every] for _ in range(rounds)]
            for tiers, times in zip(every, zip(*runs, strict=True), strict=True):
                compare(tiers)
                files = len(shape.parts) * shape.packages
                yield Row(NAME, push, tiers.kind, tuple(times), files, reference=tiers.kind == OursTiers.kind)


def compare(tiers: Tiers) -> None:
    """Raises FailedError when the leaf's tree is not the master's; what each mirror has of its own aside."""
    master, *_, leaf = tiers.mirrors
    if differing := leaf.compare(ARCHIVE, master, f"--exclude=/{TRACES}/"):
        raise FailedError(f"{tiers.kind}: the leaf is not the master in {len(differing)} paths: {differing[:5]}")


@contextmanager
def running(shape: Shape) -> Iterator[list[Tiers]]:
    """Both kinds, filled, their connections not yet used."""
    with ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="push-mirror-bench.", dir="/var/tmp")))
        place.chmod(0o755)
        world = stack.enter_context(World())
        every = [_ours(world, stack, place, shape), _stock(world, stack, place, shape)]
        for tiers in every:
            tiers.tell("all")
            travel(tiers, "all", FIRST)
        yield every


def _volume(place: Path, name: str, kind: type[Mirror]) -> Path:
    """A directory of this machine for a node to have its archives in."""
    directory = place / f"{name}-{kind.__name__.lower()}"
    directory.mkdir()
    os.chown(directory, kind.owner, kind.owner)
    return directory


def _archive(volume: Path, kind: type[Mirror], shape: Shape) -> Archive:
    """The first publication, at a place where a mirror of this kind may write its traces."""
    archive = Archive(volume / ARCHIVE, shape)
    archive.publish()
    for place in (archive.root, archive.root / TRACES):
        os.chown(place, kind.owner, kind.owner)
    return archive


def _mounted(directory: Path) -> dict[str, dict[str, str]]:
    return {os.fspath(directory): {"bind": DATA, "mode": "rw"}}


def _ours(world: World, stack: ExitStack, place: Path, shape: Shape) -> Tiers:
    top, leaf = (_volume(place, name, Ours) for name in ("master", "leaf"))
    archive = _archive(top, Ours, shape)
    listed = variables(ARCHIVE, runmirrors_file=f"{FILES}/{LIST}")

    def node(name: str, upstream: str, more: dict[str, str], volumes: dict[str, dict[str, str]]) -> Ours:
        source = Ours.upstream(upstream, ARCHIVE) if upstream else "none"
        settings = {**variables(ARCHIVE, upstream=source, poll="off", audit="off", grace="0"), **more}
        return stack.enter_context(world.ours(name, settings, files={LIST: b""}, volumes=volumes))

    mirrors = (
        node("origin-ours", "", listed, _mounted(top)),
        node("hub-ours", "origin-ours", listed, {}),
        node("leaf-ours", "hub-ours", {}, _mounted(leaf)),
    )
    return OursTiers(archive, mirrors, leaf)


def _stock(world: World, stack: ExitStack, place: Path, shape: Shape) -> Tiers:
    top, leaf = (_volume(place, name, Stock) for name in ("master", "leaf"))
    archive = _archive(top, Stock, shape)
    mirrors = (
        stack.enter_context(world.stock("origin-stock", volumes=_mounted(top))),
        stack.enter_context(world.stock("hub-stock")),
        stack.enter_context(world.stock("leaf-stock", volumes=_mounted(leaf))),
    )
    for upper, lower in itertools.pairwise(mirrors):
        upper.module(ARCHIVE)
        lower.ftpsync(ARCHIVE, Stock, upper.name, HUB=str(lower is mirrors[1]).lower())
    return StockTiers(archive, mirrors, leaf)
