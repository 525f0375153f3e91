"""A stock downstream that nobody pushes: its ftpsync-cron asks our HTTP what is new (PROTOCOL section 3.4)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Final

import pytest

from tests.stock import Ours, Sample, Stock, World, variables
from tests.stock.peer import HOME

pytestmark = pytest.mark.integration

UPSTREAM: Final = "origin-ours"
ARCHIVE: Final = "debian"
NOT_FOUND: Final = 22
"""curl's exit status for an HTTP error."""


@dataclass(frozen=True, slots=True)
class Pair:
    origin: Ours
    leaf: Stock

    def cron(self, archive: str) -> int:
        return self.leaf.as_account("ftpsync-cron", archive).code


@pytest.fixture(scope="module")
def pair(world: World) -> Iterator[Pair]:
    with ExitStack() as stack:
        leaf = stack.enter_context(world.stock("leaf-stock"))
        # ftpsync-cron knows port 80 only, which is where an operator would publish ours.
        leaf.put(HOME, {".curlrc": f'connect-to = "{UPSTREAM}:80:{UPSTREAM}:8080"\n'.encode()})
        leaf.ftpsync(ARCHIVE, Ours, UPSTREAM)
        leaf.ftpsync("nowhere", Ours, UPSTREAM)
        ready = Pair(stack.enter_context(world.ours(UPSTREAM, variables(ARCHIVE, comment="ours"))), leaf)
        ready.origin.write(ARCHIVE, Sample(1))
        ready.origin.announce(ARCHIVE)
        yield ready


def test_a_new_serial_is_fetched_and_an_old_one_is_not(pair: Pair) -> None:
    assert pair.cron(ARCHIVE) == 0
    first = pair.leaf.trace(ARCHIVE)
    assert (first["Archive serial"], first["Trigger"]) == (pair.origin.serial_of(ARCHIVE), "cron")

    assert pair.cron(ARCHIVE) == 0
    assert pair.leaf.trace(ARCHIVE) == first

    pair.origin.write(ARCHIVE, Sample(2))
    serial = pair.origin.announce(ARCHIVE)
    assert pair.cron(ARCHIVE) == 0
    assert pair.leaf.serial_of(ARCHIVE) == serial
    assert pair.leaf.compare(ARCHIVE, pair.origin, "--exclude=/project/trace/") == []


def test_an_archive_that_is_not_here_is_an_error_of_http(pair: Pair) -> None:
    assert pair.cron("nowhere") == NOT_FOUND
    assert not pair.leaf.has("nowhere", "project/trace/leaf-stock")
