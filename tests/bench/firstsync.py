"""A first sync, ours with everything it does against one plain rsync: `python -m tests.bench.firstsync [--quick]`.

Both fetch the same archive from the same rsync daemon to the same disk, in turn: over loopback, and over a line of
1 Gbit/s with 50 ms round trip (`relay`). Ours includes the walk, the check of every file's SHA256 against the signed
indices, the flush to disk and the publication; plain rsync does none of these.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table

from tests.bench import relay
from tests.bench.payload import build
from tests.bench.rows import Options, Row, Run, ratio
from tests.unit.upstream import Keyring, eventually

FILES: Final = 20_000
BYTES: Final = 2_000_000_000
QUICK: Final = (500, 50_000_000)
ROUNDS: Final = 3
STREAMS: Final = 4
LOOPBACK: Final = "loopback"
LONG: Final = "1 Gbit/s, 50 ms"
OURS: Final = "ours, verified and published"
PLAIN: Final = "rsync -aH"
PORT: Final = 8730


@dataclass(frozen=True, slots=True)
class Ground:
    """An archive behind a daemon, and the two ends of a line; ``size`` is bytes."""

    place: Path
    keyring: Keyring
    near: str
    far: str
    daemon: subprocess.Popen[bytes]
    size: int

    def url(self, operation: str) -> str:
        """Where a leaf finds the daemon."""
        host = "127.0.0.1" if operation == LOOPBACK else relay.NEAR_ADDRESS
        return f"rsync://{host}:{PORT}/archive"

    def inside(self, operation: str) -> list[str]:
        """Where a leaf runs: beside the daemon, or at the other end of the line."""
        return ["ip", "netns", "exec", self.near if operation == LOOPBACK else self.far]


def ours(ground: Ground, operation: str) -> Run:
    """One first sync of ours."""
    leaf = ground.place / "ours"
    program = [sys.executable, "-m", "tests.bench.leaf", str(leaf), ground.url(operation)]
    argv = [*ground.inside(operation), *program, str(ground.keyring.public), str(STREAMS)]
    with _emptied(leaf):
        sent = _used(ground.daemon.pid)
        done = json.loads(subprocess.run(argv, check=True, stdout=subprocess.PIPE).stdout)
        _same(ground, Path(done["tree"]))
        return Run(done["seconds"], done["cpu"], _used(ground.daemon.pid) - sent, wire=done["bytes"])


def plain(ground: Ground, operation: str) -> Run:
    """One rsync into an empty directory."""
    leaf = ground.place / "plain"
    with _emptied(leaf):
        leaf.mkdir()
        sent, started = _used(ground.daemon.pid), time.perf_counter()
        argv = [*ground.inside(operation), "rsync", "-aH", f"{ground.url(operation)}/", f"{leaf}/"]
        child = subprocess.Popen(argv)
        _, status, usage = os.wait4(child.pid, 0)
        seconds = time.perf_counter() - started
        child.returncode = os.waitstatus_to_exitcode(status)
        assert child.returncode == 0
        _same(ground, leaf)
        return Run(seconds, usage.ru_utime + usage.ru_stime, _used(ground.daemon.pid) - sent)


CANDIDATES: Final = {OURS: ours, PLAIN: plain}


def section(options: Options) -> Iterator[Row]:
    """A row for each line and candidate; in each round one behind the other."""
    files, size = QUICK if options.quick else (FILES, BYTES)
    with running(files, size) as ground:
        for operation in (LOOPBACK, LONG):
            runs: dict[str, list[Run]] = {name: [] for name in CANDIDATES}
            for _ in range(1 if options.quick else ROUNDS):
                for name, candidate in CANDIDATES.items():
                    runs[name].append(candidate(ground, operation))
                    options.progress(f"{operation}, {name}: {runs[name][-1].seconds:.2f} s")
            for name, found in runs.items():
                yield Row("first sync", operation, name, tuple(found), files, reference=name == OURS)


@contextmanager
def running(files: int, size: int) -> Iterator[Ground]:
    """The archive, its daemon, the line; all gone afterwards."""
    with ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="push-mirror-first.", dir="/var/tmp")))
        short = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="pmk.", dir="/tmp")))
        keyring = Keyring(short / "k")
        stack.callback(keyring.close)
        total = build(place / "archive", keyring, files, size)
        near, far = (stack.enter_context(_namespace(f"pmfirst-{end}{os.getpid()}")) for end in ("near", "far"))
        stack.enter_context(_line(near, far))
        yield Ground(place, keyring, near, far, stack.enter_context(_daemon(place, near)), total)


@contextmanager
def _namespace(name: str) -> Iterator[str]:
    subprocess.run(["ip", "netns", "add", name], check=True)
    try:
        subprocess.run(["ip", "-n", name, "link", "set", "lo", "up"], check=True)
        yield name
    finally:
        subprocess.run(["ip", "netns", "del", name], check=True)


@contextmanager
def _line(near: str, far: str) -> Iterator[None]:
    argv = [sys.executable, "-m", "tests.bench.relay", near, far]
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as carrier:
        try:
            assert carrier.stdout
            assert carrier.stdout.readline().strip() == relay.READY.encode()
            yield
        finally:
            carrier.terminate()


@contextmanager
def _daemon(place: Path, namespace: str) -> Iterator[subprocess.Popen[bytes]]:
    config, log = place / "rsyncd.conf", place / "rsyncd.log"
    config.write_text(
        f"use chroot = no\nuid = root\ngid = root\nlog file = {log}\n"
        f"[archive]\npath = {place}/archive\nread only = yes\n"
    )
    argv = ["rsync", "--daemon", "--no-detach", f"--config={config}", f"--port={PORT}"]
    with subprocess.Popen(["ip", "netns", "exec", namespace, *argv]) as child:
        try:
            eventually(lambda: log.exists() and "listening" in log.read_text())
            yield child
        finally:
            child.kill()


@contextmanager
def _emptied(leaf: Path) -> Iterator[None]:
    """A leaf that is not there yet, and a disk at rest: what the one before wrote is not to be paid by the next."""
    os.sync()
    try:
        yield
    finally:
        shutil.rmtree(leaf)


def _same(ground: Ground, tree: Path) -> None:
    """Raises AssertionError unless the tree has every file of the archive."""
    names, found = (
        {str(path.relative_to(root)) for path in (root / "pool").rglob("*.deb")}
        for root in (ground.place / "archive", tree)
    )
    assert names == found
    assert (tree / "dists/s/InRelease").exists()


def _used(pid: int) -> float:
    """CPU seconds of a process and its children that have ended."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def table(rows: Sequence[Row], size: int) -> Table:
    """Rows for people."""
    found = Table(box=None, pad_edge=False)
    for title in ("line", "candidate", "s", "MB/s", "of ours", "CPU s here", "CPU s there"):
        found.add_column(title, justify="left" if title in ("line", "candidate") else "right")
    for row in rows:
        seconds, compared = row.median("seconds") or 0, ratio(rows, row) or 0
        cells = (f"{seconds:.2f}", f"{size / seconds / 1e6:.0f}", f"{compared:.2f}")
        cpu = (f"{row.median(name) or 0:.1f}" for name in ("receiver", "sender"))
        found.add_row(row.operation, row.candidate, *cells, *cpu)
    return found


def main(words: list[str]) -> int:
    """Prints the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.firstsync", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a small archive, once: only to see that it runs")
    chosen = parser.parse_args(words)

    def progress(text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    rows = list(section(Options(quick=chosen.quick, progress=progress)))
    Console(width=120).print(table(rows, QUICK[1] if chosen.quick else BYTES), highlight=False)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
