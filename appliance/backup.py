"""A copy of the state volume, made while everything runs, and a new state volume made from it.

In it are the keys and all that was asked, done and told: the store by SQLite's own means, as it was at one moment, and
every request that was accepted before. Not in it is what is only true of the trees' files as they are, such as the
journal: a mirror that comes back compares everything once, and begins a new epoch of its journal, so that nobody below
it takes up a chain that has lost some of its links.
"""

from __future__ import annotations

import os
import shutil
import tarfile
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path, PurePath, PurePosixPath
from typing import IO, Final

from appliance import store
from appliance.errors import ApplianceError
from appliance.places import Places
from appliance.store import Store

_SCRATCH: Final = ".restored"
_LOST: Final = "lost+found"
_CURE: Final = "give it a file that mirrorctl backup has written"


def write(places: Places, out: IO[bytes]) -> None:
    """Write a backup as a tar archive. Raises ApplianceError when there is no state, OSError."""
    if not places.store.exists():
        raise ApplianceError(f"{places.state} holds no state", "mount the state volume of a mirror that has run there")
    with tempfile.TemporaryDirectory() as scratch, tarfile.open(fileobj=out, mode="w|") as archive:
        # A request goes from the inbox to the store, and is in one of them at least, when they are read in this order.
        for path in _files(places):
            with suppress(FileNotFoundError):
                _add(archive, path.relative_to(places.state), path)
        copy = Path(scratch) / places.store.name
        store.copy(places.store, copy)
        _add(archive, PurePath(places.store.name), copy)


def restore(places: Places, source: IO[bytes]) -> None:
    """Make an empty state volume that of a backup. Raises ApplianceError, and has changed nothing then.

    Whatever the trees hold by now, nothing in the restored state contradicts it.
    """
    scratch = places.state / _SCRATCH
    shutil.rmtree(scratch, ignore_errors=True)
    if set(os.listdir(places.state)) - {_LOST}:
        cure = "restore to a new one: remove the container, then the volume, or name another"
        raise ApplianceError(f"{places.state} is not empty", cure)
    try:
        scratch.mkdir(mode=0o700)
        _extract(source, scratch)
        _part(scratch / places.store.name)
        _take_over(scratch, places)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _files(places: Places) -> Iterator[Path]:
    """What is copied as it is; not what somebody is writing, and not the store."""
    for directory, names, files in os.walk(places.state):
        here = Path(directory)
        names[:] = [name for name in names if here / name not in places.about_trees and name not in (_LOST, _SCRATCH)]
        paths = (here / name for name in files if not name.startswith("."))
        yield from (path for path in paths if path != places.lock and not path.name.startswith(places.store.name))


def _add(archive: tarfile.TarFile, name: PurePath, path: Path) -> None:
    with path.open("rb") as file:
        entry = archive.gettarinfo(arcname=str(name), fileobj=file)
        entry.uid = entry.gid = 0
        entry.uname = entry.gname = ""
        archive.addfile(entry, file)


def _extract(source: IO[bytes], scratch: Path) -> None:
    """The store comes last, so that a backup that was cut short has none."""
    try:
        with tarfile.open(fileobj=source, mode="r|") as archive:
            for entry in archive:
                if not entry.isfile() or not _stays(entry.name):
                    raise ApplianceError(f"standard input holds {entry.name!r}, and no backup does", _CURE)
                data = archive.extractfile(entry)
                assert data
                _put(scratch / entry.name, data, entry.mode & 0o777)
    except tarfile.TarError as error:
        raise ApplianceError(f"standard input is no whole backup: {error}", _CURE) from None


def _stays(name: str) -> bool:
    path = PurePosixPath(name)
    return not path.is_absolute() and ".." not in path.parts and bool(path.parts)


def _put(path: Path, data: IO[bytes], mode: int) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with path.open("xb") as file:
        os.fchmod(file.fileno(), mode)
        shutil.copyfileobj(data, file)
        file.flush()
        os.fsync(file.fileno())


def _part(path: Path) -> None:
    """Raises StoreError for a store of a newer image; an older one is brought forward."""
    if not path.exists():
        raise ApplianceError("standard input is no whole backup: it has no store", _CURE)
    store.check(path)
    restored = Store(path)
    try:
        restored.part_from_trees(time.time())
    finally:
        restored.close()


def _take_over(scratch: Path, places: Places) -> None:
    """The store last: without it a volume is a new one, and not a restored one with something missing."""
    for name in sorted(os.listdir(scratch), key=lambda name: name == places.store.name):
        os.replace(scratch / name, places.state / name)
    directory = os.open(places.state, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
