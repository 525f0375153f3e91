"""The section `fan-out`: one origin tells 200 downstreams, against 200 single ssh at the same concurrency.

All downstreams are one stock sshd under as many names, with a command that answers at once: what is measured is ssh.
`python -m tests.bench.fanout` runs it alone, and says by its exit status whether the target was met.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from rich.console import Console
from rich.table import Table

from tests.bench.rows import Options, Row, Run
from tests.ground.images import NAMESPACE
from tests.harness import Lone, Node
from tests.stock import Ours, Stock, World, variables

NAME: Final = "fan-out"
DOWNSTREAMS: Final = 200
SILENT: Final = 10
CONCURRENCY: Final = 32
ROUNDS: Final = 3
TARGET: Final = 1.2
LEAF: Final = "leaf-stock"
HOLE: Final = f"{NAMESPACE}-hole"
ANSWER: Final = "exit 0"
NEW: Final = "both stages, new connections"

HOLES: Final = """
import select, socket
mute = socket.create_server(("", 7000), backlog=100)
# A full queue makes the kernel drop whoever knocks.
full = socket.create_server(("", 7001), backlog=0)
inside = []
for _ in range(4):
    inside.append(socket.socket())
    inside[-1].setblocking(False)
    inside[-1].connect_ex(("127.0.0.1", 7001))
print("ready", flush=True)
while True:
    inside.append(mute.accept())
"""
"""Who accepts and never answers, and who drops."""

SINGLE: Final = (
    "before=$(date +%s.%N); seq 0 {last} | xargs -P {concurrency} -I NUMBER"
    " ssh -F none -n -T -o Port=22 -o User=archvsync -o IdentityFile=/run/mirror/keys/push_ed25519"
    " -o IdentitiesOnly=yes -o UserKnownHostsFile=/run/mirror/known_hosts -o StrictHostKeyChecking=yes"
    " -o BatchMode=yes -o LogLevel=ERROR live-NUMBER ' sync:archive:live sync:all' || exit"
    "; echo $(date +%s.%N) - $before | awk '{{ print $1 - $3 }}'"
)


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds until the last was told, CPU seconds of the pusher and of the sshd."""

    seconds: float
    pusher: float
    sshd: float


@dataclass(frozen=True, slots=True)
class Scene:
    origin: Ours
    leaf: Stock

    def single(self) -> Cost:
        """Everybody told once, by an ssh each."""
        script = SINGLE.format(last=DOWNSTREAMS - 1, concurrency=CONCURRENCY)
        return self._cost(lambda: float(self.origin.run("sh", "-c", script)))

    def push(self, archive: str, told: int) -> Cost:
        """Both stages, from the request to the moment when so many know."""

        def measure() -> float:
            self.origin.put(f"/srv/mirror/{archive}", {"pool": str(time.time_ns()).encode()})
            since, delivered = datetime.now(), f"delivered archive={archive} "
            self.origin.run("mirrorctl", "publish", archive)
            self.origin.wait_for(lambda _: len(self._times(since, delivered)) >= told, 300, archive)
            return self._times(since, delivered)[told - 1] - self._times(since, "run starts")[0]

        return self._cost(measure)

    def push_anew(self, archive: str, told: int) -> Cost:
        """Both stages, by connections that are there for it only."""
        self.forget()
        return self.push(archive, told)

    def forget(self) -> None:
        """The next push opens new connections; the old ones have ended."""
        self.origin.run("mirrorctl", "reload")
        self.origin.wait_for(lambda node: not node.exec("ls", "/run/mirror/ssh").out, 60, "has no connections")

    def _cost(self, measure: Callable[[], float]) -> Cost:
        before = [_cpu(node) for node in (self.origin, self.leaf)]
        seconds = measure()
        pusher, sshd = (_cpu(node) - used for node, used in zip((self.origin, self.leaf), before, strict=True))
        return Cost(seconds, pusher, sshd)

    def _times(self, since: datetime, what: str) -> list[float]:
        """When the origin's log said so, in seconds."""
        text = self.origin.container.logs(timestamps=True, since=since.timestamp()).decode()
        return [_seconds(line.split(" ", 1)[0]) for line in text.splitlines() if what in line]


def _seconds(stamp: str) -> float:
    whole, _, fraction = stamp.rstrip("Z").partition(".")
    return datetime.fromisoformat(f"{whole}+00:00").timestamp() + float(f"0.{fraction or 0}")


def _cpu(node: Node) -> float:
    return float(node.container.stats(stream=False)["cpu_stats"]["cpu_usage"]["total_usage"]) / 1e9


@contextmanager
def scene(world: World, leaf: Stock, **more: str) -> Iterator[Scene]:
    """An origin whose downstreams are all names of one sshd, ten of an archive's excepted."""
    address = leaf.address()
    hosts = {f"live-{number}": address for number in range(DOWNSTREAMS)}
    told = [
        f"{name}=ssh://{Stock.ssh_user}@{name}?archives={'live' if number < SILENT else 'live,few,silent'}"
        for number, name in enumerate(hosts)
    ]
    told += [f"hole-{number}=ssh://nobody@{HOLE}:{7000 + number % 2}?archives=silent" for number in range(SILENT)]
    settings = {
        **variables("live", upstream="none", profile="generic"),
        **variables("few", upstream="none", profile="generic"),
        **variables("silent", upstream="none", profile="generic"),
        **variables("alone", upstream="none", profile="generic"),
        "MIRROR_DOWNSTREAMS": " ".join(told),
        "MIRROR_KNOWN_HOSTS": f"live-* {world.keys.public('host')}",
        "MIRROR_PUSH_CONCURRENCY": str(CONCURRENCY),
        **{f"MIRROR_{name.upper()}": value for name, value in more.items()},
    }
    with world.ours("origin-ours", settings, extra_hosts=hosts) as origin:
        yield Scene(origin, leaf)


def costs(world: World, times: int = ROUNDS) -> Iterator[tuple[str, list[Cost]]]:
    """What is compared, row by row."""
    rounds, live = range(times), DOWNSTREAMS - SILENT
    with ExitStack() as stack:
        leaf = stack.enter_context(world.stock(LEAF))
        leaf.let_in("push", command=ANSWER)
        entry = ["python3", "-c", HOLES]
        with Lone({}, name=HOLE, network=world.name, labels=world.labels, entrypoint=entry) as hole:
            hole.wait_for(lambda node: "ready" in node.logs(), 20, "is silent")
            with scene(world, leaf) as kept:
                single, anew = zip(*((kept.single(), kept.push_anew("live", DOWNSTREAMS)) for _ in rounds), strict=True)
                yield f"{DOWNSTREAMS} single ssh, in turn with the next", [*single]
                yield NEW, [*anew]
                yield "both stages, kept connections", [kept.push("live", DOWNSTREAMS) for _ in rounds]
                kept.push("few", live)
                few, found_out = kept.push("few", live), kept.push("silent", live)
                known = [kept.push("silent", live) for _ in rounds]
                yield f"  to {live}", [few]
                yield f"  to {live}, and {SILENT} silent ones are found out", [found_out]
                yield f"  to {live}, and {SILENT} silent ones are known", known
            with scene(world, leaf, push_keep="0") as unkept:
                yield "both stages, MIRROR_PUSH_KEEP=0", [unkept.push("live", DOWNSTREAMS) for _ in rounds]


def rows(options: Options) -> Iterator[Row]:
    """Both sides' CPU is the pusher's, who sends, and that of the sshd. What is quick has one round."""
    with World() as world:
        for number, (title, found) in enumerate(costs(world, 1 if options.quick else ROUNDS)):
            options.progress(title.strip())
            runs = tuple(Run(cost.seconds, receiver=cost.sshd, sender=cost.pusher) for cost in found)
            yield Row(NAME, f"{DOWNSTREAMS} downstreams", title.strip(), runs, reference=not number)


def main() -> int:
    """An exit status for the shell: 1 when the target was missed."""
    shown = Table(box=None, pad_edge=False)
    for title in (f"staged, {CONCURRENCY} at a time", "s", "x single ssh", "CPU s, pusher", "CPU s, sshd"):
        shown.add_column(title, justify="left" if title.startswith("staged") else "right")
    seconds: dict[str, float] = {}
    with World() as world:
        for title, found in costs(world):
            median = statistics.median(cost.seconds for cost in found)
            seconds[title] = median
            ratio = median / next(iter(seconds.values()))
            pusher, sshd = (statistics.median(getattr(cost, name) for cost in found) for name in ("pusher", "sshd"))
            shown.add_row(title, f"{median:.2f}", f"{ratio:.2f}", f"{pusher:.1f}", f"{sshd:.1f}")
            print(title, found, file=sys.stderr, flush=True)
    Console(width=120).print(shown, highlight=False)
    return int(seconds[NEW] > TARGET * next(iter(seconds.values())))


if __name__ == "__main__":
    sys.exit(main())
