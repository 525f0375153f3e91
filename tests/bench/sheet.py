"""Rows as a table for people: medians, with the range of wall time, and how each compares with the reference.

Where much of the machine's CPU went to others, the wall time is not worth much; CPU time and bytes are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from rich.table import Table

from tests.bench.rows import Row, ratio

LEFT: Final = ("files", "operation", "candidate")
RIGHT: Final = (
    "s", "range", "runs", "CPU s recv", "send", "MB", "largest", "wire KiB", "iowait s", "others' CPU s",
    "s ratio", "CPU ratio",
)  # fmt: skip
ANSWERS: Final = {"rate": ("answers/s", 1.0), "p50": ("p50 ms", 1e-3), "p99": ("p99 ms", 1e-3)}
"""Columns of sections that count answers, with their units."""

MISSING: Final = "–"


def sheet(rows: Sequence[Row]) -> Table:
    """All rows of a section, with ratios to the reference; where answers were counted, their rate and times."""
    shown = Table(box=None, pad_edge=False)
    for title in LEFT:
        shown.add_column(title, justify="left", no_wrap=True)
    for title in RIGHT:
        shown.add_column(title, justify="right", no_wrap=True)
    counted = {name: unit for name, (_, unit) in ANSWERS.items() if any(row.figures(name) for row in rows)}
    for name in counted:
        shown.add_column(ANSWERS[name][0], justify="right", no_wrap=True)
    place = None
    for row in rows:
        if place not in (None, (row.files, row.operation)):
            shown.add_row()
        place = row.files, row.operation
        ratios = _times(ratio(rows, row)), _times(ratio(rows, row, "cpu"))
        answers = (_number(row, name, unit, int(name != "rate")) for name, unit in counted.items())
        shown.add_row(*_head(row), *_cells(row), *ratios, *answers)
    return shown


def _head(row: Row) -> tuple[str, str, str]:
    return (MISSING if row.files is None else f"{row.files:,}"), row.operation, row.candidate


def _cells(row: Row) -> Iterator[str]:
    seconds = row.figures("seconds")
    yield from (_number(row, "seconds"), f"{min(seconds):.2f}..{max(seconds):.2f}", str(len(row.runs)))
    yield from (_number(row, "receiver"), _number(row, "sender"), _number(row, "memory", 1e6, 0))
    yield max(row.runs, key=lambda run: run.memory or 0).largest or MISSING
    yield from (_number(row, "wire", 1024, 1), _number(row, "waited"), _number(row, "elsewhere"))


def _number(row: Row, name: str, unit: float = 1, digits: int = 2) -> str:
    median = row.median(name)
    return MISSING if median is None else f"{median / unit:.{digits}f}"


def _times(factor: float | None) -> str:
    return MISSING if factor is None else f"{factor:.3g}×"
