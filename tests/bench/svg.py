"""The few shapes that a plot needs, in colours that can be read on a white page and on a dark one."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Final

TEXT: Final = "#7d8590"
LINE: Final = "#7d859055"
COLOURS: Final = ("#1f9d55", "#3b82f6", "#e5572f", "#a371f7", "#c59a10", "#0ea5a5")
SMALL: Final = 11
FONT: Final = "font-family='system-ui,-apple-system,Segoe UI,Helvetica,Arial,sans-serif'"

Point = tuple[float, float]


def picture(width: float, height: float, title: str, shapes: Sequence[str]) -> str:
    """A whole file; no background, the page shows through."""
    head = f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {width:.0f} {height:.0f}' role='img' {FONT}>"
    return "\n".join([head, f"<title>{escape(title)}</title>", *shapes, "</svg>", ""])


def text(
    at: Point, words: str, anchor: str = "start", size: int = SMALL, colour: str = TEXT, bold: bool = False
) -> str:
    """Words whose baseline begins, is centred or ends at a point."""
    weight = " font-weight='600'" if bold else ""
    return (
        f"<text x='{at[0]:.1f}' y='{at[1]:.1f}' font-size='{size}' fill='{colour}' text-anchor='{anchor}'{weight}>"
        f"{escape(words)}</text>"
    )


def upright(at: Point, words: str) -> str:
    """Words that run upwards, centred at a point."""
    place = f"{at[0]:.1f},{at[1]:.1f}"
    return (
        f"<text transform='translate({place}) rotate(-90)' font-size='{SMALL}' fill='{TEXT}'"
        f" text-anchor='middle'>{escape(words)}</text>"
    )


def line(start: Point, end: Point, colour: str = LINE, width: float = 1) -> str:
    """A straight line."""
    return (
        f"<line x1='{start[0]:.1f}' y1='{start[1]:.1f}' x2='{end[0]:.1f}' y2='{end[1]:.1f}'"
        f" stroke='{colour}' stroke-width='{width}'/>"
    )


def curve(points: Sequence[Point], colour: str) -> list[str]:
    """Points, and what connects them."""
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    dots = [f"<circle cx='{x:.1f}' cy='{y:.1f}' r='3' fill='{colour}'/>" for x, y in points]
    return [f"<polyline points='{path}' fill='none' stroke='{colour}' stroke-width='2'/>", *dots]


def bar(at: Point, width: float, height: float, colour: str) -> str:
    """A filled rectangle."""
    return (
        f"<rect x='{at[0]:.1f}' y='{at[1]:.1f}' width='{max(width, 1):.1f}' height='{height:.1f}'"
        f" rx='2' fill='{colour}'/>"
    )
