"""The volumes: there, ours, of one piece, with room, and not lost with the container."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from appliance import space, store, volume
from appliance.container import volumes
from appliance.doctor.finding import Finding, error, of, ok, warning
from appliance.doctor.patient import Patient
from appliance.errors import SyncError
from appliance.space import UNLIMITED, Amount, Space

SMALL: Final = 64 << 20
"""Bytes that the state volume should have: its store and journals are written at every run."""

_ANONYMOUS: Final = re.compile(r"/[0-9a-f]{64}/_data$")
"""How the engine names a volume that nobody has given a name (mountinfo(5), the field root)."""


async def examine(patient: Patient) -> list[Finding]:
    """A handful of system calls, whatever the volumes hold; the probe files are gone at the end."""
    if not os.getuid():
        cure = "leave the container's user as the image has it, or set another that is not 0"
        return [error("user", "the container runs as root: who owns the volumes cannot be told", cure)]
    faults = volumes.check(patient.places, patient.sound)
    found = [of(problem) for problem in faults] or [_writable(patient)]
    broken = {problem.variable for problem in faults}
    named = {patient.places.data: "mirror-data", patient.places.state: "mirror-state"}
    usable = [one for one in named if os.fspath(one) not in broken]
    if patient.places.data in usable:
        found += [*_room(patient), *_kind(patient.places.data)]
    if patient.places.state in usable and os.fspath(patient.places.store) not in broken:
        found += [*_gone(patient), *_state(patient)]
    return [*found, *(one for place in usable for one in _lasting(place, named[place]))]


def _writable(patient: Patient) -> Finding:
    where = f"{patient.places.data} and {patient.places.state}"
    return ok("volumes", f"uid {os.getuid()} can write to {where}; tree and staging are one filesystem")


def _room(patient: Patient) -> Iterator[Finding]:
    """Against the reserve, below which no sync starts."""
    now, kept = space.look(patient.places.data), patient.settings.reserve
    least = kept.of(now)
    place = os.fspath(patient.places.data)
    if not least.fits(now.free):
        cure = (
            "make room, or lower MIRROR_RESERVE; no sync starts before that, those that wait go on by themselves then"
        )
        yield error(place, f"{_told(now)}, and MIRROR_RESERVE keeps {_amount(least)} free", cure)
    elif not (least + least).fits(now.free):
        cure = "make room soon, or lower MIRROR_RESERVE"
        yield warning(place, f"{_told(now)}, and MIRROR_RESERVE keeps {_amount(least)} free", cure)
    else:
        yield ok(place, f"{_told(now)}; MIRROR_RESERVE keeps {_amount(least)} free")


def _told(now: Space) -> str:
    return f"the volume has {_amount(now.free)} left of {space.spell(now.all.bytes)}"


def _amount(amount: Amount) -> str:
    inodes = "" if amount.inodes in (0, UNLIMITED) else f" and {amount.inodes:,} inodes"
    return f"{space.spell(amount.bytes)}{inodes}"


def _gone(patient: Patient) -> Iterator[Finding]:
    for name in sorted(store.carried(patient.places.store) & set(patient.settings.archives)):
        if volume.is_gone(patient.places, name):
            trouble: SyncError = volume.gone(name)
            yield error(os.fspath(patient.places.archive(name)), trouble.fact, trouble.cure)


def _kind(place: Path) -> Iterator[Finding]:
    """What archives need of a filesystem: hard links, names that differ in case only."""
    with tempfile.TemporaryDirectory(prefix=".push-mirror-probe-", dir=place) as directory:
        probe = Path(directory, "probe")
        probe.touch()
        if Path(directory, "PROBE").exists():
            fact = "its filesystem takes `Packages` and `packages` for one file"
            yield error(os.fspath(place), fact, "put the volume on a filesystem of Linux: ext4, XFS, btrfs, ZFS")
        try:
            os.link(probe, Path(directory, "link"))
        except OSError as fault:
            fact = f"its filesystem has no hard links ({fault.strerror}): files that are one upstream take room twice"
            yield warning(os.fspath(place), fact, "put the volume on a filesystem of Linux: ext4, XFS, btrfs, ZFS")


def _state(patient: Patient) -> Iterator[Finding]:
    place = patient.places.state
    try:
        store.check(patient.places.store)
    except store.StoreError as fault:
        yield error(os.fspath(patient.places.store), fault.fact, fault.cure)
    free = space.look(place).free.bytes
    if free < SMALL:
        yield warning(
            os.fspath(place), f"the volume has {space.spell(free)} left", "make room: requests are kept there"
        )


def _lasting(place: Path, name: str) -> Iterator[Finding]:
    """Whether it outlives the container, as far as the kernel's table of mounts tells."""
    root = _root_of(place)
    cure = f"mount a volume with a name, or a directory: -v {name}:{place}"
    if root is None:
        yield warning(os.fspath(place), "no volume is mounted there: what is in it is lost with the container", cure)
    elif _ANONYMOUS.search(root):
        yield warning(os.fspath(place), "its volume has no name: a new container does not find it again", cure)


def _root_of(place: Path) -> str | None:
    """The field root of its mount, or of one above it below ``/``; None where there is none (proc_pid_mountinfo(5))."""
    try:
        lines = [line.split() for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    except OSError:
        return ""  # nobody can tell
    mounts = {fields[4]: fields[3] for fields in lines}
    above = (os.fspath(one) for one in (place, *place.parents) if one != Path("/"))
    return next((mounts[one] for one in above if one in mounts), None)
