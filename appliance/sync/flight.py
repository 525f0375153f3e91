"""What rsync is writing just now: inside a large file it says nothing for minutes, but the file grows."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from appliance.sync.fetch import Staging


def in_flight(staging: Staging) -> tuple[int, int]:
    """Bytes of the files that are being written, and how many of these travelled.

    What an interrupted transfer has left of a file stands first in the new one, and comes from here.
    """
    growing = [(_named(temporary), size) for temporary, size in _files(staging.temporary)]
    parts = [staging.partial, *_directories(staging.partial)] if growing else []
    held = {name: sum(_size(part / name) for part in parts) for name, _ in growing}
    return sum(size for _, size in growing), sum(max(0, size - held[name]) for name, size in growing)


def _files(directory: Path) -> Iterator[tuple[str, int]]:
    """Name and size of those that are still there when they are looked at."""
    for entry in _entries(directory):
        with contextlib.suppress(FileNotFoundError):
            status = entry.stat(follow_symlinks=False)
            if stat.S_ISREG(status.st_mode):
                yield entry.name, status.st_size


def _directories(directory: Path) -> list[Path]:
    return [Path(entry) for entry in _entries(directory) if entry.is_dir(follow_symlinks=False)]


def _entries(directory: Path) -> list[os.DirEntry[str]]:
    try:
        return list(os.scandir(directory))
    except FileNotFoundError:
        return []


def _named(temporary: str) -> str:
    """The name of the file that rsync writes as ``.NAME.XXXXXX`` until it is whole (receiver.c, get_tmpname)."""
    return temporary.removeprefix(".").rpartition(".")[0]


def _size(file: Path) -> int:
    try:
        return file.lstat().st_size
    except OSError:
        return 0
