"""Draws stations, lines and cells, from the top downwards. Units are CSS pixels."""

from __future__ import annotations

from collections import Counter
from typing import Final

from appliance.board import saying
from appliance.board.letters import breadth, fit
from appliance.board.paper import Box, Drawing, Line, Spot
from appliance.board.tree import Station

FEW: Final = 6
"""So many leaves below one mirror are drawn as stations, however large the tree."""

NAME_SIZE: Final = 15.0
LINE_SIZE: Final = 13.0
CELL_SIZE: Final = 12.0

GAP: Final = 14.0
"""Between a mirror with all that is below it and the next one."""

_CELL: Final = 22.0
_CAPTION: Final = 24.0
_BEND: Final = 8.0

_ILL: Final = {"stale": "stale", "unlisted": "over 1 day", "bad": "over 2 days", "unknown": "not seen"}


class Hand:
    """The hand of one drawing; every method that is called from elsewhere returns where the next thing begins."""

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
            end = self.station(one, depth + 1, end) + (GAP if one.below else 0)
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
            self._cell(one, *spot, cell - 18)
        height = _CAPTION + rows * _CELL + 8
        said = fit(caption(leaves, remark), width - 24, CELL_SIZE)
        self._drawing.boxes.append(Box(left, top, width, height, said))
        return top + height + (38 if self._style.is_wide else 28)

    def _cell(self, one: Station, x: float, y: float, room: float) -> None:
        taken = breadth(one.short, CELL_SIZE) + 8 if one.short else 0
        name = fit(one.name, room - taken - 12, CELL_SIZE)
        self._drawing.spots.append(Spot(one, x, y, room, name, one.short, "", cell=True))


def caption(leaves: tuple[Station, ...], remark: str = "") -> str:
    """What a box of mirrors comes to: how many, and how many of them are not well."""
    counts = Counter(one.state for one in leaves)
    ill = [f"{counts[word]} {_ILL[word]}" for word in _ILL if counts[word]]
    whole = f"{saying.some(len(leaves), 'mirror')}{f' {remark}' if remark else ''}"
    return f"{whole}: {', '.join(ill)}" if ill else f"{whole}, all fresh"
