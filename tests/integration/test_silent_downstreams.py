"""Who does not answer holds nobody up: neither at the first contact, nor on a kept connection that was cut."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Final

import pytest

from tests.bench.fanout import HOLE, HOLES
from tests.harness import Lone
from tests.stock import Ours, Stock, World, variables

pytestmark = [pytest.mark.integration, pytest.mark.interop]

LIVE: Final = "leaf-stock"
CUT: Final = "far-stock"
MUTE: Final = 7000
DROPS: Final = 7001
ARCHIVES: Final = ("dropped", "mute", "cut")
SOON: Final = 60.0
"""Seconds in which the live one knows, on a machine that stalls, too. Waiting for ssh to give up would take longer:"""
GIVES_UP: Final = "options=-oConnectTimeout%3D300"


@dataclass(frozen=True, slots=True)
class Family:
    origin: Ours
    cut: Stock

    def told(self, name: str, archive: str) -> dict[str, Any]:
        return dict(self.origin.status()["downstreams"][name].get(archive, {}))

    def state(self, name: str, archive: str) -> str:
        return str(self.told(name, archive).get("state"))

    def wait_said(self, words: str) -> None:
        """The origin's log has the words; they take their time to get there."""
        self.origin.wait_for(lambda node: words in node.logs(), SOON, f"says {words!r}")

    def publish(self, archive: str) -> None:
        """Publishes, and returns when the live one knows."""
        serial = self.origin.announce(archive)

        def knows(_: object) -> bool:
            told = self.told("live", archive)
            return told.get("state") == "delivered" and told["serial"] == serial

        self.origin.wait_for(knows, SOON, "the live one knows")


@pytest.fixture(scope="module")
def family(world: World) -> Iterator[Family]:
    downstreams = (
        Stock.downstream(LIVE, "staged", *ARCHIVES, name="live"),
        f"dropped=ssh://nobody@{HOLE}:{DROPS}?archives=dropped&{GIVES_UP}",
        f"mute=ssh://nobody@{HOLE}:{MUTE}?archives=mute&{GIVES_UP}",
        Stock.downstream(CUT, "staged", "cut", name="cut"),
    )
    settings = {"MIRROR_DOWNSTREAMS": " ".join(downstreams)}
    for archive in ARCHIVES:
        settings |= variables(archive, upstream="none", profile="generic")
    with ExitStack() as stack:
        live, cut = (stack.enter_context(world.stock(name)) for name in (LIVE, CUT))
        for each in (live, cut):
            each.let_in("push", command="exit 0")
        hole = stack.enter_context(
            Lone({}, name=HOLE, network=world.name, labels=world.labels, entrypoint=["python3", "-c", HOLES])
        )
        hole.wait_for(lambda node: "ready" in node.logs(), SOON, "is silent")
        origin = stack.enter_context(world.ours("origin-ours", settings))
        for archive in ARCHIVES:
            origin.put("/srv/mirror", {f"{archive}/pool/a": b"payload"})
        yield Family(origin, cut)


@pytest.mark.parametrize("archive", ["dropped", "mute"])
def test_at_the_first_contact(family: Family, archive: str) -> None:
    family.publish(archive)
    assert family.state(archive, archive) in ("pending", "pushing")
    family.wait_said(f"goes on without it archive={archive}")


def test_on_a_kept_connection(family: Family) -> None:
    family.publish("cut")
    family.origin.wait_for(lambda _: family.state("cut", "cut") == "delivered", SOON, "has a kept connection")
    with family.cut.disconnected():
        family.publish("cut")
        assert family.state("cut", "cut") != "delivered"
        # Without a look at the kernel it would be ssh that ends the wait, and would not say this.
        family.wait_said("goes on without it archive=cut")
    family.origin.wait_for(lambda _: family.state("cut", "cut") == "delivered", 120, "is told")
