"""A tree of mirrors as a drawing: where every station, line and cell is. Units are CSS pixels.

A wide drawing grows to the right, tier by tier; a narrow one downwards, tiers indented. The leaves of one mirror, when
they are many, become cells in a box: a hundred of them are a table, not a forest.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Final

from appliance.board import saying
from appliance.board.letters import breadth, fit
from appliance.board.tree import Station

FEW: Final = 6
"""So many leaves below one mirror are drawn as stations, however large the tree."""

SMALL: Final = 24
"""A tree of no more mirrors has stations only."""

NAME_SIZE: Final = 15.0
LINE_SIZE: Final = 13.0
CELL_SIZE: Final = 12.0

_CELL: Final = 22.0
_CELL_WIDTHS: Final = (128.0, 250.0)
_CAPTION: Final = 24.0
_GAP: Final = 14.0
_BEND: Final = 8.0
_END: Final = 24.0
_SQUEEZED: Final = 8
_CLOSE: Final = 208.0
"""How far apart the tiers of a large tree are."""

_FAR: Final = 340.0
_LAST: Final = 290.0
_MOST_TIERS: Final = 5
"""How far apart those of a small one are at the most, what the last of them needs, and how many go side by side."""

_ILL: Final = {"stale": "stale", "unlisted": "over 1 day", "bad": "over 2 days", "unknown": "not seen"}


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


def draw(roots: Iterable[Station], style: Style) -> Drawing:
    """The drawing of a tree."""
    roots = tuple(roots)
    everybody = [station for root in roots for station in root.all()]
    is_small = len(everybody) <= SMALL
    drawing = Drawing(_fitting(style, roots, is_small) if style.is_wide else style)
    hand, y = _Hand(drawing, is_small, _cell_width(everybody)), style.top
    strays = tuple(root for root in roots[1:] if root.is_leaf)
    for root in roots:
        if root not in strays:
            y = hand.station(root, 0, y) + _GAP
    drawing.height = (hand.cells(strays, 1, y, "below nobody that we know") if strays else y) - _END
    return drawing


def _fitting(style: Style, roots: Iterable[Station], is_small: bool) -> Style:
    """The style with tiers as far apart as there is room for; those of a large tree leave it to the boxes."""
    if not is_small:
        return replace(style, tier=_CLOSE)
    deepest = min(max(root.depth for root in roots), _MOST_TIERS)
    return replace(style, tier=min(_FAR, (style.width - _LAST) / max(1, deepest)), deepest=deepest)


class _Hand:
    """Draws from the top downwards; every method returns where the next thing begins."""

    def __init__(self, drawing: Drawing, is_small: bool, cell: float) -> None:
        self._drawing, self._style, self._small, self._width = drawing, drawing.style, is_small, cell

    def station(self, station: Station, depth: int, y: float) -> float:
        """A station, and everything below it."""
        self._spot(station, depth, y)
        end = y + self._style.pitch
        if not station.below:
            return end
        beside = self._style.is_wide and depth < self._style.deepest
        return max(end, self._below(station, depth, y, y if beside else end))

    def _spot(self, station: Station, depth: int, y: float) -> None:
        x = self._style.beside(depth)
        ends = not self._style.is_wide or station.is_leaf or depth >= self._style.deepest
        room = self._style.width - x - 22 if ends else self._style.tier - 42
        name = fit(station.name, room, NAME_SIZE)
        texts = fit(station.line, room, LINE_SIZE), fit(station.detail, room, LINE_SIZE)
        self._drawing.spots.append(Spot(station, x, y, room, name, *texts))

    def _below(self, station: Station, depth: int, y: float, begin: float) -> float:
        leaves = tuple(one for one in station.below if one.is_leaf)
        singly = self._small or len(leaves) <= FEW
        end, last = begin, y
        for one in station.below if singly else (one for one in station.below if not one.is_leaf):
            last = end
            self._branch(depth, y, end, self._style.beside(depth + 1), one.state not in ("fresh", "upstream"))
            end = self.station(one, depth + 1, end) + (_GAP if one.below else 0)
        if not singly:
            last, end = self._box(leaves, depth, y, end)
        self._stem(depth, y, last)
        return end

    def _stem(self, depth: int, y: float, last: float) -> None:
        """From a station along its tier, and down to the last branch."""
        x, turn = self._style.beside(depth), self._style.turn(depth)
        down = f"V{last - _BEND:g}" if last > y else ""
        self._drawing.lines.append(Line(f"M{x:g} {y:g}H{turn:g}{down}", weak=False))

    def _branch(self, depth: int, y: float, to_y: float, to_x: float, weak: bool) -> None:
        """From the stem to a station or a box, with a bend where it leaves."""
        turn = self._style.turn(depth)
        bend = (
            f"M{turn:g} {to_y - _BEND:g}Q{turn:g} {to_y:g} {turn + _BEND:g} {to_y:g}"
            if to_y > y
            else f"M{turn:g} {y:g}"
        )
        if to_x > turn:
            self._drawing.lines.append(Line(f"{bend}H{to_x:g}", weak))

    def _box(self, leaves: tuple[Station, ...], depth: int, y: float, begin: float) -> tuple[float, float]:
        """Returns where the line enters it, too."""
        left = self._style.beside(depth + 1) - 8
        top = begin - (18 if self._style.is_wide and begin == y else 8 if self._style.is_wide else 14)
        enters = begin if begin == y else top + 16
        self._branch(depth, y, enters, left, weak=False)
        return enters, self.cells(leaves, left, top)

    def cells(self, leaves: tuple[Station, ...], left: float, top: float, remark: str = "") -> float:
        """Leaves as cells in a box."""
        width = self._style.width - left - 1
        columns = max(1, int((width - 12) / self._width))
        cell = (width - 12) / columns
        rows = -(-len(leaves) // columns)
        for place, one in enumerate(leaves):
            column, row = divmod(place, rows)
            spot = left + 16 + column * cell, top + _CAPTION + (row + 0.5) * _CELL
            self._cell(one, *spot, cell - 12)
        height = _CAPTION + rows * _CELL + 8
        said = fit(caption(leaves, remark), width - 24, CELL_SIZE)
        self._drawing.boxes.append(Box(left, top, width, height, said))
        return top + height + (38 if self._style.is_wide else 28)

    def _cell(self, one: Station, x: float, y: float, room: float) -> None:
        taken = breadth(one.short, CELL_SIZE) + 8 if one.short else 0
        name = fit(one.name, room - taken - 12, CELL_SIZE)
        self._drawing.spots.append(Spot(one, x, y, room, name, one.short, "", cell=True))


def _cell_width(everybody: Iterable[Station]) -> float:
    """How wide every cell of a drawing wants to be, so that columns are in line: as the longest name, within reason."""
    leaves = [one for one in everybody if one.is_leaf]
    name = max(breadth(one.name, CELL_SIZE) for one in leaves)
    short = max(breadth(one.short, CELL_SIZE) for one in leaves)
    return min(max(12 + name + (8 + short if short else 0) + 10, _CELL_WIDTHS[0]), _CELL_WIDTHS[1])


def caption(leaves: tuple[Station, ...], remark: str = "") -> str:
    """What a box of mirrors comes to: how many, and how many of them are not well."""
    counts = Counter(one.state for one in leaves)
    ill = [f"{counts[word]} {_ILL[word]}" for word in _ILL if counts[word]]
    whole = f"{saying.some(len(leaves), 'mirror')}{f' {remark}' if remark else ''}"
    return f"{whole}: {', '.join(ill)}" if ill else f"{whole}, all fresh"
