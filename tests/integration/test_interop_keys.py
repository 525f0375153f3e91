"""Keys and clients of all ages at our door: what a stock upstream's ssh may say, from where, for how many at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Final

import pytest

from tests.stock import Ours, Sample, Stock, World, variables

pytestmark = pytest.mark.integration

LEAF: Final = "leaf-ours"
ARCHIVES: Final = ("debian", "first", "second")


@dataclass(frozen=True, slots=True)
class Pair:
    origin: Stock
    leaf: Ours

    def change(self, archive: str, version: int) -> str:
        self.origin.write(archive, Sample(version))
        return self.origin.next_serial(archive)


@pytest.fixture(scope="module")
def pair(world: World) -> Iterator[Pair]:
    """A stock upstream with several keys, and our leaf that knows two of them, one from elsewhere only."""
    with ExitStack() as stack:
        origin = stack.enter_context(world.stock("origin-stock"))
        settings: dict[str, str] = {}
        for archive in ARCHIVES:
            origin.module(archive)
            origin.write(archive, Sample(1))
            origin.next_serial(archive)
            settings |= variables(archive, upstream=Stock.upstream(origin.name, archive), poll="off", grace="0")
        settings |= {
            "MIRROR_TRIGGERS__UPSTREAM__FROM": world.subnet,
            "MIRROR_TRIGGERS__ELSEWHERE__KEY": world.keys.public("second"),
            "MIRROR_TRIGGERS__ELSEWHERE__FROM": "192.0.2.7",
        }
        leaf = stack.enter_context(world.ours(LEAF, settings))
        for archive in ARCHIVES:
            leaf.wait_carries(archive, origin.serial_of(archive))
        yield Pair(origin, leaf)


@pytest.mark.parametrize("options", [(), ("-o", "Compression=yes"), ("-4",), ("-o", "ServerAliveInterval=1")], ids=str)
def test_the_flags_of_old_clients_are_taken(pair: Pair, options: tuple[str, ...]) -> None:
    # `trigger` always says -2, as stock does.
    answer = pair.origin.trigger(pair.leaf, " sync:archive: sync:all", *options)
    assert (answer.code, answer.out) == (0, "")


def test_two_archives_pushed_at_once_with_one_key_both_arrive(pair: Pair) -> None:
    serials = {archive: pair.change(archive, 2) for archive in ("first", "second")}
    for archive in serials:
        pair.origin.runmirrors(archive, Ours.line(LEAF, "staged"))
    for archive in serials:
        assert pair.origin.push(archive, "all").code == 0
    for archive, serial in serials.items():
        pair.leaf.wait_carries(archive, serial)
        assert pair.leaf.compare(archive, pair.origin, "--exclude=/project/trace/") == []


@pytest.mark.parametrize("key", ["second", "stranger"])
def test_a_key_from_elsewhere_or_unknown_is_an_unreachable_mirror_to_stock(pair: Pair, key: str) -> None:
    before = pair.leaf.archive("debian")["runs"]
    answer = pair.origin.trigger(pair.leaf, " sync:archive: sync:all", "-o", "IdentitiesOnly=yes", key=key)
    assert answer.code == 255
    assert "Permission denied (publickey)" in answer.err
    assert pair.leaf.archive("debian")["runs"] == before
    # Failed attempts are held against the address for a while; the tests that follow must be let in.
    pair.leaf.wait_for(lambda _: pair.origin.trigger(pair.leaf, "true").code == 0, 120, "lets the upstream in again")
