"""A tree of mirrors as a drawing: where every station, line and cell is. Units are CSS pixels.

A wide drawing grows to the right, tier by tier; a narrow one downwards, tiers indented. The leaves of one mirror, when
they are many, become cells in a box: a hundred of them are a table, not a forest.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from appliance.board.hand import CELL_SIZE, GAP, Hand
from appliance.board.letters import breadth
from appliance.board.paper import Drawing, Style
from appliance.board.tree import Station

SMALL: Final = 24
"""A tree of no more mirrors has stations only."""

_CELL_WIDTHS: Final = (128.0, 250.0)
_END: Final = 24.0
_CLOSE: Final = 208.0
"""How far apart the tiers of a large tree are."""

_FAR: Final = 340.0
_LAST: Final = 290.0
_MOST_TIERS: Final = 5
"""How far apart those of a small one are at the most, what the last of them needs, and how many go side by side."""


def draw(roots: Iterable[Station], style: Style) -> Drawing:
    """The drawing of a tree."""
    roots = tuple(roots)
    everybody = [station for root in roots for station in root.all()]
    is_small = len(everybody) <= SMALL
    drawing = Drawing(_fitting(style, roots, is_small) if style.is_wide else style)
    hand, y = Hand(drawing, is_small, _cell_width(everybody)), style.top
    strays = tuple(root for root in roots[1:] if root.is_leaf)
    for root in roots:
        if root not in strays:
            y = hand.station(root, 0, y) + GAP
    drawing.height = (hand.cells(strays, 1, y, "below nobody that we know") if strays else y) - _END
    return drawing


def _fitting(style: Style, roots: Iterable[Station], is_small: bool) -> Style:
    """The style with tiers as far apart as there is room for; those of a large tree leave it to the boxes."""
    if not is_small:
        return replace(style, tier=_CLOSE)
    deepest = min(max(root.depth for root in roots), _MOST_TIERS)
    return replace(style, tier=min(_FAR, (style.width - _LAST) / max(1, deepest)), deepest=deepest)


def _cell_width(everybody: Iterable[Station]) -> float:
    """How wide every cell of a drawing wants to be, so that columns are in line: as the longest name, within reason."""
    leaves = [one for one in everybody if one.is_leaf]
    name = max(breadth(one.name, CELL_SIZE) for one in leaves)
    short = max(breadth(one.short, CELL_SIZE) for one in leaves)
    return min(max(12 + name + (8 + short if short else 0) + 10, _CELL_WIDTHS[0]), _CELL_WIDTHS[1])
