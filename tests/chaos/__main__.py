"""`python -m tests.chaos --seed 7 --minutes 20`: the accidents, their table, and an exit status."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from rich.console import Console

from tests.chaos.ours import OurTiers
from tests.chaos.plan import NAMES, Plan, plan
from tests.chaos.scene import Scene
from tests.chaos.stock import StockTiers
from tests.chaos.table import table
from tests.chaos.tiers import Tiers
from tests.chaos.trial import Result


def carry_out(kind: type[Tiers], steps: Plan, seed: int, until: float) -> list[Result]:
    """The steps on new tiers of a kind; what is optional is left out when it is later than `until`."""
    results: list[Result] = []
    with tempfile.TemporaryDirectory(prefix="push-mirror-chaos.", dir="/var/tmp") as place, ExitStack() as stack:
        Path(place).chmod(0o755)
        scene = Scene(kind, Path(place), stack)
        for number, (name, scenario, optional) in enumerate(steps):
            if optional and time.monotonic() > until:
                continue
            # Each has a chance of its own, so that it can be repeated without the others.
            result = scene.play(name, scenario, f"{seed} {name} {number}", tell)
            verdict = "good" if result.is_good else "NOT GOOD"
            tell(f"{result.kind}: {name}: {verdict} after {result.seconds:.0f} s")
            results.append(result)
    return results


def tell(text: str) -> None:
    """A line of progress."""
    print(f"{time.strftime('%H:%M:%S')}  {text}", file=sys.stderr, flush=True)


def main(words: Sequence[str]) -> int:
    """An exit status for the shell: 1 when something happened to ours that must not."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=int(time.time()), help="the same accidents again")
    parser.add_argument("--minutes", type=float, default=20, help="go on killing for so long")
    parser.add_argument("--only", choices=NAMES, nargs="*", help="these scenarios alone")
    parser.add_argument("--kind", choices=["ours", "stock"], help="one kind of mirrors alone")
    chosen = parser.parse_args(words)
    tell(f"seed {chosen.seed}")
    until = time.monotonic() + 60 * chosen.minutes
    results: list[Result] = []
    for kind in (OurTiers, StockTiers):
        if chosen.kind in (None, "ours" if kind is OurTiers else "stock"):
            results += carry_out(kind, plan(kind, chosen.only), chosen.seed, until)
    report(results, chosen.seed)
    return int(not all(one.is_good for one in results if one.kind == OurTiers.kind))


def report(results: Sequence[Result], seed: int) -> None:
    """The table, and what there is to say about single rows."""
    console = Console(width=150)
    console.print(f"seed {seed}", highlight=False)
    console.print(table(results), highlight=False)
    for one in results:
        for text in one.remarks[:12]:
            console.print(f"{one.kind}, {one.scenario}: {text}", highlight=False, markup=False)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
