"""Filesystems of their own, as small as a test wants them."""

from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


def mount(*words: str | Path) -> None:
    """Run mount(8); skips the test where that is not allowed. The image's tests have filesystems of their own."""
    done = subprocess.run(["mount", *words], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"nothing can be mounted here: {done.stderr.strip()}")


@contextmanager
def small(place: Path, options: str) -> Iterator[Path]:
    """One in memory, with mount's options: size=, nr_inodes=, ro."""
    place.mkdir(parents=True, exist_ok=True)
    mount("-t", "tmpfs", "-o", options, "tmpfs", place)
    try:
        yield place
    finally:
        while place.is_mount():
            subprocess.run(["umount", "-l", place], check=True)


def change(place: Path, options: str) -> None:
    """Mount it again with other options."""
    subprocess.run(["mount", "-o", f"remount,{options}", place], check=True)


def fill(place: Path, leave: int = 0) -> Path:
    """Somebody else's file that takes all bytes but so many; returns it."""
    file = place / "somebody-else"
    with file.open("wb") as out:
        while True:
            free = os.statvfs(place).f_bavail * os.statvfs(place).f_frsize - leave
            try:
                os.posix_fallocate(out.fileno(), 0, max(1, free))
            except OSError as error:  # others write meanwhile, and have taken some of it
                if error.errno != errno.ENOSPC or free < 1:
                    raise
            else:
                return file
