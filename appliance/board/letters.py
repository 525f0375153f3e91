"""How wide texts are, so that a drawing can be made where no font is: as wide as in the page's own fonts, or wider."""

from __future__ import annotations

from typing import Final

_CLASSES: Final = {
    "ijl.,:;'|!": 0.28,
    "ftr()[]/ ": 0.38,
    "-−": 0.47,
    "mw": 0.88,
    "MWQ@%…": 0.94,
    "ABCDEFGHIJKLNOPRSTUVXYZ": 0.7,
    "0123456789": 0.64,
}
_WIDTHS: Final = {letter: width for letters, width in _CLASSES.items() for letter in letters}
_OTHER: Final = 0.58


def breadth(text: str, size: float) -> float:
    """The width of a text in letters of a size, in the unit of that."""
    return size * sum(_WIDTHS.get(letter, _OTHER) for letter in text)


def fit(text: str, room: float, size: float) -> str:
    """As much of a text as there is room for."""
    if breadth(text, size) <= room:
        return text
    while text and breadth(f"{text}…", size) > room:
        text = text[:-1]
    return f"{text.rstrip()}…"
