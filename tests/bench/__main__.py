"""`python -m tests.bench [SECTION …]`: runs sections of the bench, prints their tables, keeps JSON and a plot.

Sections that are not named keep what they had, with the date and the machine of that time.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from rich.console import Console

from tests.bench import fanout, firstsync, latency, plot, redirect, results, sync, tiers
from tests.bench.results import Measured
from tests.bench.rows import QUICK, SIZES, Options, Progress, Row, Section
from tests.bench.sheet import sheet

SECTIONS: Final[Mapping[str, Section]] = {
    "sync": sync.rows,
    tiers.NAME: tiers.rows,
    "firstsync": firstsync.section,
    latency.NAME: latency.rows,
    fanout.NAME: fanout.rows,
    redirect.NAME: redirect.rows,
}
"""Whoever has something to measure adds a function that yields rows."""

KEPT: Final = Path(__file__).parent / "results"
UNITS: Final = {"k": 1_000, "m": 1_000_000}
WIDTH: Final = 210


def size(text: str) -> int:
    """`10k`, `1m` or a number."""
    unit = UNITS.get(text[-1:].lower(), 1)
    return int(text[: len(text) - (unit > 1)]) * unit


def main(words: list[str]) -> int:
    """An exit status for the shell."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("sections", nargs="*", default=list(SECTIONS), help=f"of {', '.join(SECTIONS)}; all by default")
    parser.add_argument("--sizes", default="", help="files of the trees, as 10k,100k,1m")
    parser.add_argument(
        "--quick", action="store_true", help="small, once, and nothing is kept unless --into says where"
    )
    parser.add_argument("--filled", action="store_true", help="no first sync: trees are copied beforehand")
    parser.add_argument("--into", type=Path, help="where JSON and plot are kept; tests/bench/results by default")
    chosen = parser.parse_args(words)
    if unknown := set(chosen.sections) - set(SECTIONS):
        parser.error(f"no section {', '.join(unknown)}; there are {', '.join(SECTIONS)}")
    sizes = tuple(size(each) for each in chosen.sizes.split(",") if each) or (QUICK if chosen.quick else SIZES)
    options = Options(sizes, chosen.quick, chosen.filled, _progress(time.monotonic()))
    place = chosen.into or (None if chosen.quick else KEPT)
    for name in chosen.sections:
        _run(name, options, place, _command(chosen))
    return 0


def _run(name: str, options: Options, place: Path | None, command: str) -> None:
    """One section; what it has so far is kept after every row."""
    rows: list[Row] = []
    for row in SECTIONS[name](options):
        rows.append(row)
        if place:
            kept = results.read(place) | {name: Measured.now(command, rows)}
            results.write(place, kept)
            plot.write(place, kept)
    console = Console(width=WIDTH)
    console.print(f"{name}: {command}; {results.machine()}", highlight=False)
    console.print(sheet(rows), highlight=False)


def _command(chosen: argparse.Namespace) -> str:
    """What anybody would type for the same; where it is kept does not matter."""
    words = [
        *chosen.sections,
        *(["--sizes", chosen.sizes] if chosen.sizes else []),
        *(["--quick"] * chosen.quick),
        *(["--filled"] * chosen.filled),
    ]
    return " ".join(["python -m tests.bench", *words])


def _progress(started: float) -> Progress:
    def say(text: str) -> None:
        print(f"{time.monotonic() - started:7.1f} s  {text}", file=sys.stderr, flush=True)

    return say


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
