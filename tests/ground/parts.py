"""`python3 -m tests.ground.parts MAKE TARGET …`: the parts of `make test` side by side, and a table of how each ended.

Every part runs to its end whatever becomes of the others, and its output comes when it has ended.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import Final, NamedTuple

AT_ONCE: Final = 3
"""Two processors have enough to do with these: what some wait for is what others work."""


class Done(NamedTuple):
    """How a part ended."""

    name: str
    code: int
    seconds: float

    def __str__(self) -> str:
        word = "passed" if self.code == 0 else f"FAILED, status {self.code}"
        return f"{self.name:<14}{self.seconds:6.0f} s  {word}"


def run(make: str, names: Sequence[str]) -> list[Done]:
    """Makes every target, so many at a time, those that were named first."""
    speaking = Lock()

    def one(name: str) -> Done:
        began = time.monotonic()
        with tempfile.TemporaryFile() as said:
            argv = (make, "--no-print-directory", name)
            code = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT).returncode
            done = Done(name, code, time.monotonic() - began)
            said.seek(0)
            with speaking:
                print(f"\n· {name}", flush=True)
                sys.stdout.buffer.write(said.read())
                print(f"· {done}", flush=True)
        return done

    places = ThreadPoolExecutor(AT_ONCE)
    try:
        return list(places.map(one, names))
    finally:
        # Who interrupts does not want the parts that have not begun.
        places.shutdown(cancel_futures=True)


def main(words: list[str]) -> int:
    """0 when every part passed; the table comes last."""
    make, *names = words
    began = time.monotonic()
    all_done = run(make, names)
    print("", *all_done, f"{'all':<14}{time.monotonic() - began:6.0f} s", sep="\n")
    return 1 if any(done.code for done in all_done) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
