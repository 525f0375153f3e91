"""`python -m tests.bench.reading`: runs the comparison of what readers meet and prints its table."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from rich.console import Console

from tests.bench import mirrors
from tests.bench.archive import Archive
from tests.bench.consistency import Comparison, Regime
from tests.bench.table import table

PUBLICATIONS: Final = 200
PAUSE: Final = 1.5
"""Seconds from one publication to the next in the busy regime: about a sync, so that most of them are overtaken."""


def consistency(publications: int, pause: float) -> list[Regime]:
    """Both regimes, one behind the other, over the same mirrors."""
    started = time.monotonic()

    def progress(text: str) -> None:
        print(f"{time.monotonic() - started:7.1f} s  {text}", file=sys.stderr, flush=True)

    with tempfile.TemporaryDirectory(prefix="push-mirror-bench.", dir="/var/tmp") as place:
        Path(place).chmod(0o755)
        archive = Archive(Path(place, "archive"))
        archive.root.mkdir()
        with mirrors.running(archive.root) as subjects:
            comparison = Comparison(archive, subjects, progress)
            comparison.fill()
            return [comparison.quiet(publications), comparison.busy(publications, pause)]


def main(words: list[str]) -> int:
    """An exit status for the shell: 1 when a mirror did not end with the origin's tree."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.reading", description=__doc__)
    parser.add_argument("--publications", type=int, default=PUBLICATIONS, help="in each regime")
    parser.add_argument("--pause", type=float, default=PAUSE, help="seconds between two of the busy regime")
    chosen = parser.parse_args(words)
    regimes = consistency(chosen.publications, chosen.pause)
    console = Console(width=160)
    for regime in regimes:
        console.print(f"{regime.name}: {regime.publications} publications in {regime.seconds:.0f} s", highlight=False)
    console.print(f"ours keeps what is gone upstream for {mirrors.GRACE}; its default is a day", highlight=False)
    console.print(table(regimes), highlight=False)
    for regime in regimes:
        for result in regime.results:
            for path in result.differences[:5]:
                console.print(f"{regime.name}, {result.kind}: differs in {path}", highlight=False)
    return int(any(result.differences for regime in regimes for result in regime.results))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
