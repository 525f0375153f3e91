"""How far a run is, in one line: one that redraws itself on a terminal, now and then a new one anywhere else."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Any, Final, Self

from rich.console import Console
from rich.filesize import decimal
from rich.live import Live
from rich.text import Text

STAGES: Final = {
    "plan": "comparing with the upstream",
    "upstream": "waiting for the upstream to finish its own update",
    "payload": "payload",
    "tree": "telling the mirrors below what comes",
    "index": "indices",
    "verify": "verifying",
    "publish": "publishing",
}
"""What a stage does, for people."""

BETWEEN: Final = 30.0
"""Seconds between two lines about one stage where nothing can be redrawn."""

FETCHING: Final = ("payload", "index")

SOON: Final = 3.0
"""Seconds that a stage may take before we say how long it has taken."""

_MINUTE: Final = 60
_STEP: Final = 10


class Line:
    """Shows one line at a time on standard error; ``silent`` shows nothing."""

    def __init__(self, silent: bool = False) -> None:
        console = Console(stderr=True)
        redraws = console.is_terminal and not console.is_dumb_terminal and not silent
        self._live = Live(console=console, transient=True, auto_refresh=False) if redraws else None
        self._silent = silent
        self._last = ("", float("-inf"))

    @property
    def every(self) -> float:
        """Seconds between two looks worth taking."""
        return 0.5 if self._live else 1.0

    def __enter__(self) -> Self:
        if self._live:
            self._live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._live:
            self._live.update("", refresh=True)
            self._live.stop()

    def show(self, stage: str, text: str) -> None:
        """The run is in that stage; the text says all of it."""
        if self._live:
            self._live.update(Text(text, no_wrap=True, overflow="ellipsis"), refresh=True)
        elif not self._silent and (stage != self._last[0] or time.monotonic() - self._last[1] >= BETWEEN):
            self._last = stage, time.monotonic()
            print(text, file=sys.stderr, flush=True)


def sentence(progress: dict[str, Any]) -> str:
    """What a run does and how far it is; what matters most comes first, since narrow terminals cut the end."""
    stage = STAGES.get(progress["stage"], progress["stage"])
    if progress["stage"] in FETCHING and progress["planned_files"]:
        return ", ".join([f"{stage} {_share(progress)}".rstrip(), *_fetch(progress)])
    found = progress["differences"] if progress["stage"] == "plan" else 0
    differences = [f"{found:,} difference{'s' * (found > 1)} so far"] if found else []
    return ", ".join([stage, *differences, *_time(progress)])


def _share(progress: dict[str, Any]) -> str:
    here, planned = progress["bytes"], progress["planned_bytes"]
    return f"{100 * here // planned} %" if planned else ""


def _fetch(progress: dict[str, Any]) -> list[str]:
    rate, left, planned = progress["bytes_per_second"], progress["remaining_seconds"], progress["planned_bytes"]
    return [
        *([f"{duration(left, about=True)} left"] if left is not None else []),
        *([f"{decimal(progress['bytes'])} of {decimal(planned)}"] if planned else []),
        *([f"{decimal(int(rate))}/s"] if rate is not None else _time(progress)),
        f"{progress['files']:,}/{progress['planned_files']:,} files",
    ]


def _time(progress: dict[str, Any]) -> list[str]:
    return [duration(progress["stage_seconds"])] if progress["stage_seconds"] >= SOON else []


def duration(seconds: float, about: bool = False) -> str:
    """A length of time in its two largest units; ``about`` rounds, so that it does not flicker."""
    whole = max(round(seconds), int(about))
    if about and whole >= _MINUTE:
        whole = round(seconds / _STEP) * _STEP
    for large, unit, small, rest in ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if whole >= large:
            return f"{whole // large} {unit} {whole % large // small} {rest}"
    return f"{seconds:.1f} s" if seconds < 1 and not about else f"{whole} s"
