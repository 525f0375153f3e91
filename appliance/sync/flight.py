"""What rsync is writing just now: inside a large file it says nothing for minutes, but the file grows."""

from __future__ import annotations

import contextlib
import os
import stat
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from appliance.sync.staging import Staging


class Flight:
    """The unfinished files of one run, from its beginning on.

    A new file grows in the temporary directory. One that an earlier run has left in part is made longer where it lies
    (inplace_partial in rsync's compat.c), or anew from its part by an older rsync: what it had came from here.
    """

    def __init__(self, staging: Staging) -> None:
        self._staging = staging
        self._before = _sizes(_parts(staging.partial))

    def look(self) -> tuple[int, int]:
        """The bytes of the files that are not whole yet, and how many of these travelled in this run."""
        anew = _sizes((_named(name), size) for name, size in _files(self._staging.temporary))
        growing = anew | _sizes(_parts(self._staging.partial))  # the larger of both
        return growing.total(), (growing - self._before).total()


def _sizes(files: Iterator[tuple[str, int]]) -> Counter[str]:
    """By name; files of one name in several directories together."""
    found: Counter[str] = Counter()
    for name, size in files:
        found[name] += size
    return found


def _parts(directory: Path) -> Iterator[tuple[str, int]]:
    for entry in _entries(directory):
        if entry.is_dir(follow_symlinks=False):
            yield from _files(Path(entry))


def _files(directory: Path) -> Iterator[tuple[str, int]]:
    """Name and size of those that are still there when they are looked at."""
    for entry in _entries(directory):
        with contextlib.suppress(OSError):
            status = entry.stat(follow_symlinks=False)
            if stat.S_ISREG(status.st_mode):
                yield entry.name, status.st_size


def _entries(directory: Path) -> list[os.DirEntry[str]]:
    """None where the disk cannot say: a run meets that where it matters."""
    try:
        return list(os.scandir(directory))
    except OSError:
        return []


def _named(temporary: str) -> str:
    """The name of the file that rsync writes as ``.NAME.XXXXXX`` until it is whole (receiver.c, get_tmpname)."""
    return temporary.removeprefix(".").rpartition(".")[0]
