"""The result as a table for people: a column for each mirror in each regime, a row for each thing that was counted."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from rich.table import Table

from tests.bench.consistency import Regime, Result
from tests.bench.reader import Finding, Way

Row = tuple[str, Callable[[Result], str]]


def table(regimes: Sequence[Regime]) -> Table:
    """All regimes beside each other."""
    found = Table(box=None, pad_edge=False)
    found.add_column("")
    columns = [(regime, result) for regime in regimes for result in regime.results]
    for regime, result in columns:
        found.add_column(f"{regime.name}\n{result.kind}", justify="right", no_wrap=True)
    for title, cell in _rows():
        found.add_row(title, *(cell(result) for _, result in columns))
    return found


def _rows() -> Iterator[Row]:
    yield "syncs (failed)", lambda result: f"{len(result.syncs.seconds)} ({result.syncs.failed})"
    yield "median s of a sync", lambda result: f"{result.syncs.median:.2f}"
    yield "releases met by readers", lambda result: str(len(result.reads.releases))
    for way in Way:
        yield "", lambda _: ""
        yield from _rows_of(way)
    yield "", lambda _: ""
    yield "differs from the origin at the end", lambda result: f"{len(result.differences)} paths"


def _rows_of(way: Way) -> Iterator[Row]:
    yield f"reads by {way.value}", _number(way)
    yield "  not consistent", lambda result: _share(_inconsistent(result, way), result.reads.count(way))
    for finding in Finding:
        if finding is not Finding.CONSISTENT:
            yield f"  {finding.value}", _number(way, finding)
        if finding is Finding.OTHER_INDEX and way is Way.PLAIN:
            # Which part comes from a publication between the reader's two requests, and which from the mirror.
            yield "    InRelease replaced meanwhile", _number(way, finding, replaced=True)
            yield "    InRelease still the same: mixed", _number(way, finding, replaced=False)


def _number(way: Way, *findings: Finding, replaced: bool | None = None) -> Callable[[Result], str]:
    return lambda result: str(result.reads.count(way, *findings, replaced=replaced))


def _inconsistent(result: Result, way: Way) -> int:
    return result.reads.count(way) - result.reads.count(way, Finding.CONSISTENT)


def _share(part: int, whole: int) -> str:
    return f"{part} ({part / whole:.2%})" if whole else "–"
