"""What became of all accidents, for people."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table

from tests.chaos.trial import Result

COLUMNS = ("accidents", "lost", "bad reads", "reads", "deleted", "left over", "faults", "slowest s", "in s")


def table(results: Sequence[Result]) -> Table:
    """A row for each scenario, ours and stock beside each other as far as both were run."""
    found = Table(box=None, pad_edge=False)
    found.add_column("")
    found.add_column("")
    for name in COLUMNS:
        found.add_column(name, justify="right")
    for one in sorted(results, key=lambda one: [other.scenario for other in results].index(one.scenario)):
        found.add_row(one.scenario, one.kind, *_cells(one), style="" if one.is_good else "bold")
    return found


def _cells(one: Result) -> list[str]:
    numbers = (one.accidents, one.lost, one.inconsistent, one.reads, one.deleted, one.left, one.faults)
    return [*map(str, numbers), f"{one.slowest:.1f}", f"{one.seconds:.0f}"]
