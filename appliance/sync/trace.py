"""ftpsync-format trace files: what we carry, since when, and from whom (PROTOCOL section 4)."""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Final

from appliance import __version__, tracefile
from appliance.records import serial_number
from appliance.sync.profile import TRACE_DIRECTORY
from appliance.tracefile import SERIAL

_LEAF: Final = re.compile(r"binary-|installer-|source$|by-hash$|i18n$|dep11$|cnf$|debian-installer$|.*\.diff$")
_STAGE1_SECONDS: Final = "Total time spent in stage1 rsync"


@dataclass(frozen=True, slots=True)
class Trace:
    """What one finished run tells the world. Times are epoch seconds; ``received`` is bytes, the others seconds."""

    name: str
    host: str
    started: float
    ended: float
    upstream: str = "unknown"
    trigger: str = ""
    transport: str = "undefined"
    architectures: tuple[str, ...] = ()
    configuration: str = "ALL"
    received: int = 0
    stage1_seconds: int = 0
    stage2_seconds: int = 0
    info: tuple[tuple[str, str], ...] = ()

    def text(self, serial: str | None) -> str:
        """The file's text; a field whose value is unknown is left out, as stock does."""
        return _first_line(self.ended) + "".join(f"{key}: {value}\n" for key, value in self._fields(serial) if value)

    def _fields(self, serial: str | None) -> Iterable[tuple[str, str]]:
        seconds = self.stage1_seconds + self.stage2_seconds
        yield "Date", _rfc2822(self.ended)
        yield "Date-Started", _rfc2822(self.started)
        yield SERIAL, serial or "unknown"
        yield "Creator", f"push-mirror {__version__}"
        yield "Running on host", self.host
        yield from self.info
        yield "Trigger", self.trigger
        # Both with the space at their end that stock's have.
        yield "Architectures", "".join(f"{name} " for name in self.architectures)
        yield "Architectures-Configuration", self.configuration
        yield "Upstream-mirror", self.upstream
        yield "Rsync-Transport", self.transport
        yield "Total bytes received in rsync", str(self.received) if self.received else ""
        yield _STAGE1_SECONDS, str(self.stage1_seconds)
        yield "Total time spent in stage2 rsync", str(self.stage2_seconds)
        yield "Total time spent in rsync", str(seconds)
        yield "Average rate", f"{self.received // seconds} B/s" if self.received and seconds else ""


def serial_of(tree: Path) -> str | None:
    """The master's serial as this tree carries it, or None when it carries none, or what is no serial."""
    try:
        return tracefile.serial(_beginning(_master(tree)))
    except OSError:
        return None


def roots(tree: Path) -> list[str]:
    """The trace files that carry the master's serial: two serials of one second differ in neither size nor time."""
    master = _master(tree)
    names = {"master", *([str(master.readlink())] if master.is_symlink() else [])}
    return [
        f"{TRACE_DIRECTORY}/{name}" for name in sorted(names) if "/" not in name and (_directory(tree) / name).exists()
    ]


def field_of(path: Path, key: str) -> str | None:
    """One field of a trace file, None when the file or the field is missing; keys are compared without case."""
    try:
        return tracefile.field(_beginning(path), key)
    except OSError:
        return None


def _beginning(path: Path) -> str:
    """As much of a file as a trace may have: it came from an upstream, or leads to anything else of the archive."""
    with path.open("rb") as file:
        return file.read(tracefile.LONGEST).decode("utf-8", "replace")


def next_serial(before: str | None, now: float) -> str:
    """The serial behind ``before``: YYYYMMDDNN of today, or one more when today's is used up (PROTOCOL section 4.2)."""
    today = int(time.strftime("%Y%m%d01", time.gmtime(now)))
    return str(max(today, (serial_number(before) or 0) + 1))


def write(tree: Path, trace: Trace) -> None:
    """Publish our trace beside the data, and take back the one that said we are between the stages.

    A run that found the payload here counts the seconds that stage 1 took with its own, as stock does.
    """
    between = _directory(tree) / f"{trace.name}-stage1"
    before = field_of(between, _STAGE1_SECONDS) or "0"
    if between.exists() and not trace.stage1_seconds and before.isascii() and before.isdigit():
        trace = replace(trace, stage1_seconds=int(before))
    put(tree, trace.name, trace.text(serial_of(tree)))
    between.unlink(missing_ok=True)
    _companions(tree, trace)


def write_stage1(tree: Path, trace: Trace) -> None:
    """Tell that the payload is here and the indices are still to come."""
    put(tree, f"{trace.name}-stage1", trace.text(serial_of(tree)))


def bump(tree: Path, trace: Trace) -> str:
    """At an origin: give the tree its next serial and make ``master`` point to our trace; returns the serial."""
    serial = next_serial(serial_of(tree), trace.ended)
    put(tree, trace.name, trace.text(serial))
    if not _master(tree).exists() or _master(tree).resolve() != (_directory(tree) / trace.name).resolve():
        link = _directory(tree) / ".master.new"
        link.unlink(missing_ok=True)
        link.symlink_to(trace.name)
        os.replace(link, _master(tree))
    _companions(tree, trace)
    return serial


def architectures(tree: Path) -> tuple[str, ...]:
    """The architectures whose indices the tree holds, sorted, ``source`` among them.

    Looks at directories only, and into none that cannot hold one: cheap, however large the archive.
    """
    found: set[str] = set()
    for directory, names, _ in os.walk(tree / "dists"):
        found |= {name.removeprefix("binary-") for name in names if name.startswith("binary-")}
        found |= {"source"} & set(names)
        names[:] = [name for name in names if not _LEAF.match(name) and not os.path.islink(f"{directory}/{name}")]
    return tuple(sorted(found))


def put(tree: Path, name: str, text: str) -> None:
    """Write one file of the trace directory: readers see the old or the new text, whole; what it has stays as it is."""
    target, data = _directory(tree) / name, os.fsencode(text)  # it may name other traces, which need not be UTF-8
    if _holds(target, data):
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    scratch = target.with_name(f".{name}.new")
    _take(scratch, target)
    with scratch.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    os.chmod(scratch, 0o644)
    os.replace(scratch, target)


def _take(scratch: Path, target: Path) -> None:
    """What an upstream has put there gives way: a directory, or a link through which another file would be written."""
    for own in (scratch, target):
        if own.is_dir() and not own.is_symlink():
            shutil.rmtree(own)
    scratch.unlink(missing_ok=True)


def _holds(target: Path, data: bytes) -> bool:
    try:
        return not target.is_symlink() and target.stat().st_size == len(data) and target.read_bytes() == data
    except OSError:
        return False


def _companions(tree: Path, trace: Trace) -> None:
    """``_hierarchy`` (the chain above us, and we) and ``_traces`` (who is known here, oldest first)."""
    above = _directory(tree) / "_hierarchy.mirror"
    own = f"{trace.name} {trace.name} {trace.host} {trace.upstream}\n"
    lines = _beginning(above).splitlines(keepends=True) if above.is_file() else []
    chain = "".join(line for line in lines if line.split(" ")[0] != trace.name) + own
    put(tree, "_hierarchy", chain)
    put(tree, "_hierarchy.mirror", chain)
    files = (entry for entry in os.scandir(_directory(tree)) if entry.is_file(follow_symlinks=False))
    known = sorted((entry.stat().st_mtime_ns, entry.name) for entry in files if not entry.name.startswith(("_", ".")))
    put(tree, "_traces", "".join(f"{name}\n" for _, name in known))


def _first_line(when: float) -> str:
    return time.strftime("%a %b %e %H:%M:%S UTC %Y\n", time.gmtime(when))


def _rfc2822(when: float) -> str:
    return format_datetime(datetime.fromtimestamp(int(when), UTC))


def _directory(tree: Path) -> Path:
    return tree / TRACE_DIRECTORY


def _master(tree: Path) -> Path:
    return _directory(tree) / "master"
