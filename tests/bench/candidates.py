"""Who syncs the same tree: ours below an appliance, ours below a plain rsync daemon, Debian's ftpsync, plain rsync.

The tree is on one volume. An appliance publishes it; beside it a plain rsync daemon serves the same volume. Each
candidate has a container and a volume of its own. Ours is as it comes, with `VERIFY=full`: it hashes every index and
all that is new, which the others never do. But for GRACE: what is gone upstream goes at once, as with the others. No
KEYRING: the archive is not signed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from tests.bench.meter import measure
from tests.bench.rows import Run
from tests.ground.images import TOP
from tests.stock import Mirror, Ours, Stock, World, variables
from tests.stock.peer import ACCOUNT, ENVIRONMENT

ARCHIVE: Final = "bench"
JOURNAL: Final = "ours, below an appliance"
PLAIN: Final = "ours, below plain rsync"
FTPSYNC: Final = "ftpsync"
RSYNC: Final = "rsync -aH --delete"

DATA: Final = "/srv/mirror"
TREE: Final = f"{DATA}/{ARCHIVE}"
SERVED: Final = "/archive"
SERVED_TREE: Final = f"{SERVED}/{ARCHIVE}"
FILLED: Final = "/filled"
"""Below it the daemon's container has everybody's volume."""
SOURCE: Final = "/source"
"""Where the origin finds this checkout: the tree is built there."""

NOT_ARCHIVE: Final = ("--exclude=/project/trace/",)
"""What each mirror has of its own."""
CALM: Final = {"poll": "off", "audit": "off", "grace": "0"}
"""Nothing happens by the clock."""
UNASKED: Final[dict[str, Any]] = {"healthcheck": {"test": ["NONE"]}}
"""What the engine asks of a container is not what a sync costs."""
ORDER: Final = (f"sync:archive:{ARCHIVE}", "sync:all")

Mounts = Mapping[str, Mapping[str, str]]

FORCED: Final = re.compile(r'command="exec ([^"]+)"')
LOOK: Final = ("-links", "+65000")
"""Looks at everything and finds nothing: idle entries of the file system are reclaimed on some machines, and it is
another comparison when one candidate finds them cached and the next does not."""


@dataclass(frozen=True, slots=True)
class Command:
    """What is run in a container, as whom."""

    argv: Sequence[str]
    user: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Candidate:
    """One of those compared: where it runs, who sends, from which tree, and what starts a sync."""

    name: str
    leaf: Mirror
    sender: Mirror
    source: str
    command: Command
    absence: ExitStack = field(default_factory=ExitStack)

    @property
    def owner(self) -> str:
        """Whose its tree is."""
        return f"{self.leaf.owner}:{self.leaf.owner}"

    def sync(self) -> Run:
        """One sync, from the command to its end, after both trees were looked at."""
        self.absence.close()
        self.sender.exec("find", self.source, *LOOK)
        self.leaf.exec("find", TREE, *LOOK)
        return measure(self.leaf, self.sender, self.command.argv, self.command.user, self.command.environment)

    def differences(self) -> list[str]:
        """Paths in which its tree is not the sender's."""
        return self.leaf.compare(ARCHIVE, self.sender, *NOT_ARCHIVE)


@dataclass(frozen=True, slots=True)
class Origin:
    """The appliance where the archive begins, and who else serves its tree."""

    node: Ours
    daemon: Stock

    def build(self, files: int) -> None:
        """The archive, from nothing."""
        self.node.run("mkdir", "-p", TREE)
        self._large("build", str(files))

    def fill(self, candidate: Candidate) -> None:
        """Copies the tree to a candidate, which has not synced yet."""
        target = f"{FILLED}/{candidate.leaf.name}/{ARCHIVE}/"
        self.daemon.run("rsync", "-aH", f"--chown={candidate.owner}", *NOT_ARCHIVE, f"{SERVED_TREE}/", target)

    def change(self, count: int, spread: bool) -> None:
        """So many packages of the archive replaced, and the indices with them."""
        self._large("change", str(count), *(["--spread"] if spread else []))

    def publish(self) -> Run:
        """The appliance's own part: its scan of the tree, and the journal."""
        self.node.exec("find", TREE, *LOOK)
        return measure(self.node, self.daemon, ("mirrorctl", "publish", ARCHIVE, "--wait"))

    def _large(self, *words: str) -> None:
        argv = ("env", f"PYTHONPATH={SOURCE}", "python3", "-m", "tests.bench.large", TREE, *words)
        self.node.run(*argv)


@contextmanager
def running(world: World) -> Iterator[tuple[Origin, list[Candidate]]]:
    """The origin, empty, and all candidates below it; ours begin with their first `sync`."""
    with ExitStack() as stack:
        # First those below: ours ask their upstream when they start, and are to find nobody before it is their turn.
        volumes = {name: world.volume() for name in ("leaf-ours", "far-ours", "leaf-stock", "far-stock")}
        mounts = {name: {volume: {"bind": DATA, "mode": "rw"}} for name, volume in volumes.items()}
        journal = _leaf(world, stack, "leaf-ours", Ours.upstream("origin-ours", ARCHIVE), mounts["leaf-ours"])
        plain = _leaf(world, stack, "far-ours", Stock.upstream("origin-stock", ARCHIVE), mounts["far-ours"])
        ftpsync = stack.enter_context(world.stock("leaf-stock", volumes=mounts["leaf-stock"]))
        ftpsync.ftpsync(ARCHIVE, Stock, "origin-stock")
        rsync = stack.enter_context(world.stock("far-stock", volumes=mounts["far-stock"]))
        rsync.put(DATA, {ARCHIVE: None})
        origin = _origin(world, stack, volumes)
        source = f"{Stock.upstream(origin.daemon.name, ARCHIVE)}/"
        yield (
            origin,
            [
                Candidate(JOURNAL, journal.node, origin.node, TREE, _trigger(journal.node), journal.absence),
                Candidate(PLAIN, plain.node, origin.daemon, SERVED_TREE, _trigger(plain.node), plain.absence),
                Candidate(FTPSYNC, ftpsync, origin.daemon, SERVED_TREE, _as_account("ftpsync", *ORDER)),
                Candidate(
                    RSYNC, rsync, origin.daemon, SERVED_TREE, _as_account("rsync", "-aH", "--delete", source, TREE)
                ),
            ],
        )


@dataclass(frozen=True, slots=True)
class _Leaf:
    """One of ours, and what keeps it from its upstream until it is closed."""

    node: Ours
    absence: ExitStack


def _leaf(world: World, stack: ExitStack, name: str, upstream: str, volumes: Mounts) -> _Leaf:
    settings = variables(ARCHIVE, upstream=upstream, **CALM)
    node = stack.enter_context(world.ours(name, settings, volumes=volumes, **UNASKED))
    node.wait_for(lambda _: node.archive(ARCHIVE)["last_run"], 60, "has found nobody")
    absence = stack.enter_context(ExitStack())
    absence.enter_context(node.disconnected())
    return _Leaf(node, absence)


def _origin(world: World, stack: ExitStack, others: Mapping[str, str]) -> Origin:
    volume = world.volume()
    mounts = {volume: {"bind": DATA, "mode": "rw"}, str(TOP): {"bind": SOURCE, "mode": "ro"}}
    node = stack.enter_context(
        world.ours("origin-ours", variables(ARCHIVE, upstream="none"), volumes=mounts, **UNASKED)
    )
    served = {volume: {"bind": SERVED, "mode": "ro"}}
    served |= {other: {"bind": f"{FILLED}/{name}", "mode": "rw"} for name, other in others.items()}
    daemon = stack.enter_context(world.stock("origin-stock", volumes=served))
    daemon.module(ARCHIVE, path=SERVED_TREE)
    return Origin(node, daemon)


def _trigger(leaf: Ours) -> Command:
    """What sshd runs for a trigger: over when the run is, with publication, trace, journal and deletes."""
    forced = FORCED.search(leaf.run("cat", "/run/mirror/authorized_keys"))
    assert forced
    return Command(forced[1].split(), environment={"SSH_ORIGINAL_COMMAND": " ".join(ORDER)})


def _as_account(*argv: str) -> Command:
    return Command(argv, ACCOUNT, ENVIRONMENT)
