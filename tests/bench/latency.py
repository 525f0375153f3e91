"""The section `trigger`: from the start of an upstream's ssh to the moment when the leaf's rsync is in the module.

Ours and stock below one stock upstream, whose daemon writes down when a transfer of the module begins; by a new
connection and by one that is kept. And what the forced command itself costs, in CPU seconds.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from typing import Final

from tests.bench.meter import FailedError
from tests.bench.rows import Options, Row, Run
from tests.ground.waiting import wait_for
from tests.stock import Mirror, Ours, Sample, Stock, World, variables

NAME: Final = "trigger"
ARCHIVE: Final = "bench"
WORDS: Final = f" sync:archive:{ARCHIVE} sync:all"
ROUNDS: Final = 10
FIRST: Final = 60.0
STARTS: Final = "/tmp/starts"
NOTE: Final = f"/bin/sh -c 'date +%s.%N >>{STARTS}'"
NOW: Final = 'date +%s.%N; exec "$@"'
KEPT: Final = ("-o", "ControlMaster=auto", "-o", "ControlPath=/tmp/kept-%n", "-o", "ControlPersist=600")

CLIENT: Final = """
import json, re, resource, subprocess
argv = re.search('command="exec ([^"]*)"', open("/run/mirror/authorized_keys").read())[1].split()
def seconds(command, count):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    for _ in range(count):
        subprocess.run(argv, env={"SSH_ORIGINAL_COMMAND": command}, check=True, stdout=subprocess.PIPE)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) / count
print(json.dumps({"understood: true": seconds("true", 50), "accepted, served, answered": seconds("COMMAND", 20)}))
"""


def rows(options: Options) -> Iterator[Row]:
    """Both kinds, in turn, by new connections and by kept ones; then our forced command. Raises FailedError."""
    rounds = 1 if options.quick else ROUNDS
    with ExitStack() as stack:
        world = stack.enter_context(World())
        origin, leaves = _running(world, stack)
        for title, how in (("new connection", ()), ("kept connection", KEPT)):
            options.progress(f"{title}: {rounds} triggers each")
            for leaf in leaves.values():
                _start(origin, leaf, how)  # opens what is kept
            runs = [[Run(_start(origin, leaf, how)) for leaf in leaves.values()] for _ in range(rounds)]
            for kind, times in zip(leaves, zip(*runs, strict=True), strict=True):
                yield Row(NAME, title, kind, tuple(times), reference=kind == "ours")
        yield from _client(leaves["ours"])


def _start(origin: Stock, leaf: Mirror, how: tuple[str, ...]) -> float:
    """Seconds from the start of ssh to that of the first transfer."""
    origin.run("rm", "-f", STARTS)
    answer = origin.as_account("sh", "-c", NOW, "-", *origin.trigger_argv(leaf, WORDS, *how))
    if answer.code:
        raise FailedError(f"{leaf.name}: exit {answer.code}: {answer.out}{answer.err}")
    return float(origin.run("cat", STARTS).split()[0]) - float(answer.out.split()[0])


def _client(ours: Mirror) -> Iterator[Row]:
    """The CPU seconds are those of the receiver; its wall time is not looked at."""
    cost = json.loads(ours.run("python3", "-c", CLIENT.replace("COMMAND", WORDS)))
    for title, seconds in cost.items():
        yield Row(NAME, "CPU of the forced command", title, (Run(seconds, receiver=seconds),))


def _running(world: World, stack: ExitStack) -> tuple[Stock, dict[str, Mirror]]:
    """An upstream with a small archive, and below it a leaf of each kind that has synced."""
    origin = stack.enter_context(world.stock("origin-stock"))
    origin.module(ARCHIVE, **{"pre-xfer exec": NOTE})
    origin.write(ARCHIVE, Sample(1))
    origin.next_serial(ARCHIVE)
    settings = variables(ARCHIVE, upstream=Stock.upstream(origin.name, ARCHIVE), poll="off", audit="off")
    ours: Ours = stack.enter_context(world.ours("leaf-ours", settings))
    stock: Stock = stack.enter_context(world.stock("leaf-stock"))
    stock.ftpsync(ARCHIVE, Stock, origin.name)
    leaves: dict[str, Mirror] = {"ours": ours, "ftpsync": stock}
    for leaf in leaves.values():
        wait_for(partial(_synced, origin, leaf), FIRST, f"{leaf.name} syncs")
    return origin, leaves


def _synced(origin: Stock, leaf: Mirror) -> bool:
    return origin.trigger(leaf, WORDS).code == 0
