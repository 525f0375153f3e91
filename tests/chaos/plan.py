"""Which accidents, in which order, for which kind of mirrors."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from tests.chaos import scenarios
from tests.chaos.ours import OurTiers
from tests.chaos.scenarios import Scenario
from tests.chaos.tiers import Tiers

Plan = list[tuple[str, Scenario, bool]]
"""Name, what is done, and whether it is left out when time is over."""

KILLS: Final = 200
KILLS_OF_STOCK: Final = 10
MORE: Final = 25
ROUNDS: Final = 40

BOTH: Final[dict[str, Scenario]] = {
    "killed again and again": scenarios.killed_again,
    "all tiers at once": scenarios.all_at_once,
    "frozen": scenarios.frozen,
    "unplugged": scenarios.unplugged,
    "black hole": scenarios.black_hole,
    "lossy": scenarios.lossy,
    "delayed": scenarios.delayed,
    "overtaken": scenarios.overtaken,
    "dead downstream": scenarios.dead_downstream,
    "storm of triggers": scenarios.stormy(600, 600),
    "emptied upstream": scenarios.emptied,
}
OURS: Final[dict[str, Scenario]] = {
    "clock step": scenarios.clock_step,
    "disk full": scenarios.disk_full(9),
}
KILLED: Final = "killed"
NAMES: Final = (KILLED, *BOTH, *OURS)


def plan(kind: type[Tiers], only: Collection[str] | None) -> Plan:
    """Everything once; then ours are killed again and again, as long as there is time."""
    ours = kind is OurTiers
    killed = scenarios.killed(KILLS if ours else KILLS_OF_STOCK)
    once: dict[str, Scenario] = {**BOTH, **(OURS if ours else {}), KILLED: killed}
    steps: Plan = [(name, scenario, False) for name, scenario in once.items() if not only or name in only]
    if ours and not only:
        steps += [(KILLED, scenarios.killed(MORE), True) for _ in range(ROUNDS)]
    return steps
