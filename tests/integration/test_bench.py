"""The bench runs from end to end: every candidate ends with the origin's tree, every figure is measured and is kept."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Final
from xml.etree import ElementTree

import pytest

from tests.bench import candidates, plot, redirect, results, sync
from tests.bench.meter import FailedError
from tests.bench.results import Measured
from tests.bench.rows import QUICK, Options, Row
from tests.stock import World

pytestmark = pytest.mark.integration

OPERATIONS: Final = {"first sync", "no change", "100 changed", "1 % changed"}
NAMES: Final = {candidates.JOURNAL, candidates.PLAIN, candidates.FTPSYNC, candidates.RSYNC}


def test_a_small_tree_is_compared_from_end_to_end(world: World, tmp_path: Path) -> None:
    rows = list(sync.rows_of(world, Options(QUICK, quick=True), *QUICK))
    compared = [row for row in rows if row.candidate in NAMES]
    assert {(row.operation, row.candidate) for row in compared} == {(one, name) for one in OPERATIONS for name in NAMES}
    for row in compared:
        for figure in ("seconds", "receiver", "sender", "memory", "wire"):
            assert (row.median(figure) or 0) > 0, (row, figure)
    kept = {"sync": Measured.now("test", rows)}
    results.write(tmp_path, kept)
    assert results.read(tmp_path) == kept
    plot.write(tmp_path, kept)
    assert len(ElementTree.parse(tmp_path / "sync.svg").findall(".//{*}rect")) == len(rows)


def test_clients_are_sent_to_two_hundred_mirrors_that_are_all_seen() -> None:
    for row in _redirected():
        for figure in ("seconds", "sender", "rate", "p50", "p99"):
            assert (row.median(figure) or 0) > 0, (row, figure)


def _redirected() -> list[Row]:
    """Who waits for three seconds is sent nowhere: on a machine that has stalled for so long, once more."""
    with suppress(FailedError):
        return list(redirect.rows(Options(quick=True)))
    return list(redirect.rows(Options(quick=True)))
