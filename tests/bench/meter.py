"""What one command in a container costs, measured where it runs, so that the engine's own way in does not count.

*Wall time, bytes on the wire and the receiver's CPU* are read by a shell inside the container right before and right
behind the command: the CPU of everything in it (the control group's), controller, ssh and idle processes included.
*The sender's CPU* is its container's, between the same moments and some milliseconds more.
*Memory* is that of single processes, sampled from outside: the resident peak (VmHWM) of those that the command
brought, and the highest resident size seen of those that were there before. A process that lives between two samples is
not seen; there are 30 ms between them, later a twentieth of the time so far, half a second at most.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread
from types import MappingProxyType
from typing import Final

from tests.bench.rows import Run
from tests.harness import Node
from tests.stock import Stock

INSIDE: Final = r"""
look() {
    if [ -r /sys/fs/cgroup/cpu.stat ]; then read -r _ cpu </sys/fs/cgroup/cpu.stat; cpu=${cpu}000
    else read -r cpu </sys/fs/cgroup/cpuacct/cpuacct.usage; fi
    wire=0
    while read -r name got _ _ _ _ _ _ _ sent _; do
        case $name in lo:|*'|'*|face*) ;; *:) wire=$((wire + got + sent)) ;; esac
    done </proc/net/dev
}
look; cpu0=$cpu wire0=$wire start=$EPOCHREALTIME
"$@" >/dev/null; code=$?
end=$EPOCHREALTIME; look
echo "$start $end $((cpu - cpu0)) $((wire - wire0)) $code"
"""
"""Control groups of both versions; bash counts without starting anything."""

SOONEST: Final = 0.03
LATEST: Final = 0.5
SHARE: Final = 20
CONTROLLER: Final = "appliance controller"
ENGINE: Final = re.compile(r"^(\S*/)?(runc|containerd|docker-|exe\b|\?)")
"""The engine's way in."""
NOTHING: Final[Mapping[str, str]] = MappingProxyType({})
KIB: Final = 1024
GROUPS: Final = Path("/sys/fs/cgroup")


class FailedError(Exception):
    """A candidate's command that did not end well cannot be compared."""


def measure(
    receiver: Node, sender: Node, argv: Sequence[str], user: str = "", environment: Mapping[str, str] = NOTHING
) -> Run:
    """Runs the command in the receiver. Raises FailedError when it fails."""
    for node in (receiver, sender):
        node.container.reload()
    before, used = _processor(), used_by(sender)
    with Memory(receiver, sender).watched() as memory:
        answer = receiver.exec("bash", "-c", INSIDE, "-", *argv, user=user, environment=environment)
    sending, after = used_by(sender) - used, _processor()
    start, end, cpu, wire, code = answer.out.split() or ["0", "0", "0", "0", str(answer.code)]
    if code != "0":
        raise FailedError(f"{receiver.name}: {argv[0]}: exit {code}: {answer.err[-2000:]}{receiver.logs(20)}")
    receiving = int(cpu) / 1e9
    busy = after.busy - before.busy - receiving - sending
    name, peak = memory.largest()
    return Run(
        float(end) - float(start), round(receiving, 4), round(sending, 4), peak, name, memory.controller(receiver),
        int(wire), round(after.waited - before.waited, 2), round(busy, 2),
    )  # fmt: skip


def used_by(node: Node) -> float:
    """CPU seconds of a container: from its control group, for the engine takes a second to answer the same."""
    for line in Path(f"/proc/{_pid(node)}/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if "cpuacct" in controllers.split(","):
            return int((GROUPS / "cpuacct" / path[1:] / "cpuacct.usage").read_text()) / 1e9
        if not controllers and (file := GROUPS / path[1:] / "cpu.stat").exists():
            return int(file.read_text().split()[1]) / 1e6
    raise FailedError(f"{node.name}: no control group that counts CPU time")


@dataclass(frozen=True, slots=True)
class Processor:
    """The machine's CPU seconds so far: at work, and waiting for its disk."""

    busy: float
    waited: float


def _processor() -> Processor:
    ticks = [int(field) / os.sysconf("SC_CLK_TCK") for field in Path("/proc/stat").read_text().split()[1:9]]
    user, nice, system, _, waited, *interrupts = ticks
    return Processor(user + nice + system + sum(interrupts), waited)


class Memory:
    """The processes of containers, as this machine sees them; of a stock mirror not its daemons, which only wait."""

    def __init__(self, *nodes: Node) -> None:
        self._shims = {node.name: _parent(_pid(node)) for node in nodes}
        self._daemons = {node.name for node in nodes if isinstance(node, Stock)}
        self._there: set[int] = set()
        self._peaks: dict[tuple[str, int], int] = {}
        self._names: dict[tuple[str, int], str] = {}

    @contextmanager
    def watched(self) -> Iterator[Memory]:
        """Samples for the time of the block."""
        stop = Event()
        self._there = {pid for shim in self._shims.values() for pid in _below(shim)}
        sampling = Thread(target=self._sample, args=(stop,))
        sampling.start()
        try:
            yield self
        finally:
            stop.set()
            sampling.join()

    def largest(self) -> tuple[str, int]:
        """The name and the bytes of the largest process."""
        found = {key: peak for key, peak in self._peaks.items() if not ENGINE.search(self._names[key])}
        key = max(found, key=found.__getitem__)
        words = self._names[key].split()
        name = words[-1] if CONTROLLER in self._names[key] else Path(words[0]).name.rstrip(":")
        return f"{name}@{key[0]}", found[key]

    def controller(self, node: Node) -> int | None:
        """The bytes of a node's controller."""
        found = [
            peak for key, peak in self._peaks.items() if key[0] == node.name and self._names[key].endswith(CONTROLLER)
        ]
        return max(found, default=None)

    def _sample(self, stop: Event) -> None:
        started = time.monotonic()
        while True:
            for name, shim in self._shims.items():
                for pid in _below(shim):
                    with suppress(OSError):
                        self._see(name, pid)
            if stop.wait(min(LATEST, max(SOONEST, (time.monotonic() - started) / SHARE))):
                return

    def _see(self, name: str, pid: int) -> None:
        if pid in self._there and name in self._daemons:
            return
        field = "VmRSS" if pid in self._there else "VmHWM"
        size = re.findall(rf"^{field}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
        key = name, pid
        if size and int(size[0]) * KIB > self._peaks.get(key, 0):
            command = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
            # One that has ended by now has no command line any more, or none that can be read.
            self._names[key] = command or self._names.get(key, "?")
            self._peaks[key] = int(size[0]) * KIB


def _below(pid: int) -> Iterator[int]:
    """All descendants of a process; a container's shim has those of its first process, and what was started later."""
    with suppress(OSError):
        for thread in Path(f"/proc/{pid}/task").iterdir():
            for child in (thread / "children").read_text().split():
                yield int(child)
                yield from _below(int(child))


def _parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def _pid(node: Node) -> int:
    """The container's first process, as this machine numbers it."""
    return int(node.container.attrs["State"]["Pid"])
