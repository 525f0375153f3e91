"""Behind a fetch: what has come is read, and on its way to the disk, while the rest is still travelling."""

from __future__ import annotations

import asyncio
import hashlib
import os
import queue
import stat
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Final

from appliance.sync.remembered import ALGORITHM, Remembered, identity

WAITING: Final = 10_000
"""Files that may wait to be read; what comes when there are so many is read by whoever needs it."""

SETTLED: Final = 20_000_000
"""Nanoseconds in which a file that changes twice may keep its ``ctime``: two ticks of the kernel's slowest clock."""

COARSE: Final = 2_000_000_000
"""The same on a filesystem that keeps whole seconds, such as ext4 with small inodes: two of them."""

_SECOND: Final = 1_000_000_000

_BLOCK: Final = 1 << 18


class Behind:
    """Reads files of a tree that are about to be verified, in a thread that ends with the context.

    The context is whom to tell of a file that is in its place.

    Nobody has to rely on it: what it did not get to, or could not read, is not in ``remembered``.
    """

    def __init__(self, tree: Path, remembered: Remembered) -> None:
        self._tree, self._remembered = tree, remembered
        self._waiting: queue.Queue[str | None] = queue.Queue(WAITING)
        self._over = threading.Event()
        self._begun = 0
        self._block = bytearray(_BLOCK)
        self._thread = threading.Thread(target=self._read_all, name="behind", daemon=True)

    def _came(self, path: str) -> None:
        """A file is in its place."""
        with suppress(queue.Full):
            self._waiting.put_nowait(path)

    async def __aenter__(self) -> Callable[[str], None]:
        self._begun = time.time_ns()
        self._thread.start()
        return self._came

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        with suppress(queue.Empty):
            self._waiting.get_nowait()
        self._waiting.put_nowait(None)
        await asyncio.to_thread(self._thread.join)

    def _read_all(self) -> None:
        while (path := self._waiting.get()) is not None and not self._over.is_set():
            with suppress(OSError, ValueError):
                self._read(os.open(self._tree / path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC))

    def _read(self, file: int) -> None:
        """Have the kernel write it, too: behind the fetch of two gigabytes that would be waited for."""
        try:
            before = os.fstat(file)
            if stat.S_ISREG(before.st_mode) and self._has_settled(before):
                digest = self._digest(file)
                if digest and identity(os.fstat(file)) == identity(before):
                    self._remembered.add(before, digest)
                os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
        finally:
            os.close(file)

    def _has_settled(self, status: os.stat_result) -> bool:
        """Wait until whatever changes the file changes its ``ctime``, too.

        One that is said not to have changed since we began has come nevertheless: there is no ``ctime`` to go by. Some
        filesystems show ``mtime`` in its place.
        """
        if status.st_ctime_ns < self._begun - COARSE:
            return False
        tick = SETTLED if status.st_ctime_ns % _SECOND else COARSE
        young = tick - (time.time_ns() - status.st_ctime_ns)
        return young <= 0 or (young <= tick and not self._over.wait(young / 1e9))

    def _digest(self, file: int) -> str:
        """Empty when the context ends before the file."""
        made, held = hashlib.new(ALGORITHM), memoryview(self._block)
        while size := os.readv(file, [self._block]):
            made.update(held[:size])
            if self._over.is_set():
                return ""
        return made.hexdigest()
