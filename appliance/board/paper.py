"""What a drawing is made of, and the shapes of drawings. Units are CSS pixels."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from appliance.board.tree import Station

_SQUEEZED: Final = 8


@dataclass(frozen=True, slots=True)
class Style:
    """A shape of drawings: how wide, how far a tier is to the right of the one above, how far stations are apart.

    Below one another are the tiers of a narrow drawing; in a wide one texts are above and below the line that goes on.
    """

    name: str
    width: float
    tier: float
    pitch: float
    top: float
    deepest: int
    is_wide: bool

    def beside(self, depth: int) -> float:
        """How far to the right stations of that depth are; there is room for so many tiers, more are squeezed."""
        return 8 + min(depth, self.deepest) * self.tier + min(max(0, depth - self.deepest), _SQUEEZED) * 8

    def turn(self, depth: int) -> float:
        """Where the line to those below a station of that depth goes down."""
        goes_on = self.is_wide and depth < self.deepest
        return self.beside(depth + 1) - 24 if goes_on else self.beside(depth)


WIDE: Final = Style("wide", 1240, 240, 74, 26, 3, True)
MIDDLE: Final = Style("middle", 680, 24, 62, 14, 6, False)
NARROW: Final = Style("narrow", 358, 20, 62, 14, 5, False)
STYLES: Final = (WIDE, MIDDLE, NARROW)


@dataclass(frozen=True, slots=True)
class Spot:
    """A station or cell: its mark is at ``x``, ``y``; texts are cut to what there is room for."""

    station: Station
    x: float
    y: float
    width: float
    name: str
    line: str
    detail: str
    cell: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """From a mirror to one below it, or to a box of them; ``weak`` when what is below is not well."""

    path: str
    weak: bool


@dataclass(frozen=True, slots=True)
class Box:
    """Around cells."""

    x: float
    y: float
    width: float
    height: float
    caption: str


@dataclass(slots=True)
class Drawing:
    """Everything to be drawn."""

    style: Style
    height: float = 0
    spots: list[Spot] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    boxes: list[Box] = field(default_factory=list)
