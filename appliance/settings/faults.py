"""What is wrong with a setting, for the person who wrote it."""

from __future__ import annotations

from collections.abc import Iterable


class Fault(ValueError):
    """A text that cannot be the value: the fact, and the cure."""

    def __init__(self, fact: str, cure: str) -> None:
        super().__init__(fact)
        self.fact = fact
        self.cure = cure


class Faults(Fault):
    """Several of them, in one text."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("; ".join(fault.fact for fault in self.faults), self.faults[0].cure)
