"""One line per step with its seconds, and the one error that ends a run with a line of advice."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final

TAIL: Final = 40
"""Lines of a failed command's output that are shown."""


class StopError(Exception):
    """The run cannot go on; its text tells the reader what to do."""


@contextmanager
def step(text: str) -> Iterator[None]:
    """Prints what begins at once, because it may take minutes, and its seconds when it is over."""
    print(f"· {text} … ", end="", flush=True)
    started = time.monotonic()
    try:
        yield
    except BaseException:
        print("failed", flush=True)
        raise
    print(f"{time.monotonic() - started:.1f} s", flush=True)


def succeeds(*argv: str, deadline: float = 30) -> bool:
    """Whether the command exits 0 in time; a missing program is a failing one."""
    try:
        answer = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=deadline)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return answer.returncode == 0


def output(*argv: str, deadline: float = 60) -> str:
    """What the command prints, stripped; empty when it fails, is missing or is late."""
    try:
        answer = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=deadline)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return answer.stdout.strip() if answer.returncode == 0 else ""


def run(*argv: str, environment: Mapping[str, str] | None = None, deadline: float = 1800) -> None:
    """Runs the command silently; when it fails, its last lines are the error."""
    try:
        answer = subprocess.run(
            argv,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, errors="replace", timeout=deadline, env={**os.environ, **(environment or {})},
        )  # fmt: skip
    except OSError as error:
        raise StopError(f"{argv[0]}: {error.strerror}") from error
    except subprocess.TimeoutExpired as error:
        raise StopError(f"{_shown(argv)}: no end after {deadline:.0f} s") from error
    if answer.returncode:
        lines = answer.stdout.splitlines()[-TAIL:]
        raise StopError("\n".join([f"{_shown(argv)}: exit {answer.returncode}", *(f"    {line}" for line in lines)]))


def _shown(argv: Sequence[str]) -> str:
    return " ".join(argv)
