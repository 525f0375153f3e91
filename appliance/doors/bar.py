"""How far an audit is, for people: a bar on a terminal, plain lines anywhere else."""

from __future__ import annotations

import sys
import threading
import time
from types import TracebackType
from typing import Final, Self

from rich.filesize import decimal
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

EVERY: Final = 0.1
"""Seconds between two strokes: there may be ten thousand files in each of them."""

_COUNTING: Final[tuple[ProgressColumn | str, ...]] = (
    SpinnerColumn(), TextColumn("{task.description}"), TextColumn("{task.fields[files]} files"),
)  # fmt: skip
_MEASURING: Final[tuple[ProgressColumn | str, ...]] = (
    TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn(),
    TextColumn("{task.fields[files]}/{task.fields[of]} files"),
)  # fmt: skip


class Bar:
    """Watches an audit. ``silent`` says nothing at all."""

    def __init__(self, name: str, silent: bool) -> None:
        self._name, self._silent = name, silent
        self._terminal = sys.stdout.isatty() and not silent
        self._shown: tuple[Progress, TaskID] | None = None
        self._lock = threading.Lock()
        self._files = self._bytes = 0
        self._drawn = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.end()

    def begin(self, stage: str, files: int | None = None, bytes: int | None = None) -> None:
        """A stage begins, with so much to do when that is known."""
        self.end()
        self._files = self._bytes = 0
        if self._terminal:
            progress = Progress(*(_COUNTING if bytes is None else _MEASURING), transient=True)
            task = progress.add_task(f"{self._name}: {stage}", total=bytes, files=0, of=files)
            progress.start()
            self._shown = progress, task
        elif bytes is not None and not self._silent:
            print(f"{self._name}: {files} files to measure, {decimal(bytes)}", flush=True)

    def done(self, files: int, bytes: int) -> None:
        """So much more is done."""
        with self._lock:
            self._files, self._bytes = self._files + files, self._bytes + bytes
            if self._shown and time.monotonic() - self._drawn > EVERY:
                self._draw(*self._shown)

    def end(self) -> None:
        """Take the bar off the terminal."""
        if self._shown:
            self._draw(*self._shown)
            self._shown[0].stop()
            self._shown = None

    def _draw(self, progress: Progress, task: TaskID) -> None:
        self._drawn = time.monotonic()
        progress.update(task, completed=self._bytes, files=self._files)
