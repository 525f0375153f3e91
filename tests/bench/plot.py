"""Results as pictures, one for each section: lines over the size of the tree where there are several, else bars."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.bench import svg
from tests.bench.results import Measured
from tests.bench.rows import Row
from tests.bench.svg import COLOURS, Point

MEASURES: Final[Mapping[str, str]] = {"seconds": "wall seconds", "cpu": "CPU seconds, both sides"}
PANEL: Final = 205.0
GAP: Final = 34.0
LEFT: Final = 56.0
TOP: Final = 62.0
DECADE: Final = 42.0
BELOW: Final = 46.0
LINE: Final = 15
CAPTION: Final = 22.0
CLEAR: Final = 12.0
"""Two values at the ends of lines are so far apart at least."""

NOTABLE: Final = 0.3
"""CPUs that others may use on average without being told of: the engine and the bench itself are among them."""

NAMES: Final = 190.0
BARS: Final = 560.0
THICK: Final = 16.0


def write(directory: Path, sections: Mapping[str, Measured]) -> None:
    """Draws `SECTION.svg` for each of them that compares anything."""
    for name, measured in sections.items():
        if not any(row.reference for row in measured.rows):
            continue
        sizes = {row.files for row in measured.rows if row.files}
        drawn = _lines(measured, measured.rows) if len(sizes) > 1 else _bars(measured)
        (directory / f"{name}.svg").write_text(drawn)


def _lines(measured: Measured, rows: Sequence[Row]) -> str:
    """A column of panels for each operation that has been compared, a line of panels for each measure; all log-log."""
    rows = [row for row in rows if any(row.operation == other.operation and other.reference for other in rows)]
    operations, colours = list(dict.fromkeys(row.operation for row in rows)), _colours(rows)
    shapes, y = _legend(colours), TOP
    for name, title in MEASURES.items():
        if not any(row.median(name) for row in rows):
            continue
        scale = _Scale.of(rows, name, y)
        shapes.append(svg.upright((14, y + scale.height / 2), title))
        for number, operation in enumerate(operations):
            panel = _Panel(LEFT + number * (PANEL + GAP), scale, [row for row in rows if row.operation == operation])
            shapes += [*panel.frame(operation), *panel.curves(name, colours)]
        y += scale.height + BELOW
    width = LEFT + len(operations) * (PANEL + GAP)
    shapes += [svg.text((LEFT, y + LINE * number), words) for number, words in enumerate(_circumstances(measured))]
    return svg.picture(width, y + LINE + CAPTION, "what a sync costs, by files of the tree", shapes)


@dataclass(frozen=True, slots=True)
class _Scale:
    """Powers of ten from `low` to `high`, drawn below `top`; the same for all panels of a line."""

    low: int
    high: int
    top: float

    @classmethod
    def of(cls, rows: Sequence[Row], name: str, top: float) -> _Scale:
        values = [value for row in rows if (value := row.median(name))]
        return cls(math.floor(math.log10(min(values))), math.ceil(math.log10(max(values))), top)

    @property
    def height(self) -> float:
        return (self.high - self.low) * DECADE

    def y(self, value: float) -> float:
        return self.top + (self.high - math.log10(value)) * DECADE


@dataclass(frozen=True, slots=True)
class _Panel:
    left: float
    scale: _Scale
    rows: Sequence[Row]

    @property
    def sizes(self) -> list[int]:
        return sorted({row.files for row in self.rows if row.files})

    def x(self, files: int) -> float:
        """The sizes at even distances in powers of ten; room behind the last one is for its value."""
        first, last = math.log10(self.sizes[0]), math.log10(self.sizes[-1])
        share = (math.log10(files) - first) / (last - first) if last > first else 0.5
        return self.left + 10 + share * (PANEL - 50)

    def frame(self, title: str) -> list[str]:
        """The grid, and what is at its edges."""
        bottom = self.scale.top + self.scale.height
        shapes = [svg.text((self.left, self.scale.top - 8), title, bold=True, size=12)]
        for power in range(self.scale.low, self.scale.high + 1):
            y = self.scale.y(10.0**power)
            shapes += [svg.line((self.left, y), (self.left + PANEL, y)),
                       svg.text((self.left - 5, y + 4), f"{10.0**power:g}", "end")]  # fmt: skip
        return [*shapes, *(svg.text((self.x(size), bottom + 15), _short(size), "middle") for size in self.sizes)]

    def curves(self, name: str, colours: Mapping[str, str]) -> list[str]:
        """A curve for each candidate, its last value beside its end."""
        shapes: list[str] = []
        ends: list[tuple[Point, str, str]] = []
        for candidate, colour in colours.items():
            values = {row.files: row.median(name) for row in self.rows if row.candidate == candidate}
            found = [(size, value) for size in self.sizes if (value := values.get(size))]
            if found:
                shapes += svg.curve([(self.x(size), self.scale.y(value)) for size, value in found], colour)
                size, value = found[-1]
                ends.append(((self.x(size), self.scale.y(value)), _value(value), colour))
        return shapes + _ends(ends)


def _ends(ends: list[tuple[Point, str, str]]) -> list[str]:
    """The values, pushed apart where curves end close together."""
    shapes, lowest = [], math.inf
    for (x, y), words, colour in sorted(ends, key=lambda end: -end[0][1]):
        lowest = min(y, lowest - CLEAR)
        shapes.append(svg.text((x + 7, lowest + 4), words, colour=colour, bold=True))
    return shapes


def _bars(measured: Measured) -> str:
    """Each operation's candidates below each other, all at one scale that begins at nothing."""
    longest = max((row.median("seconds") or 0 for row in measured.rows), default=1) or 1
    colours, shapes, y, operation = _colours(measured.rows), [], 10.0, ""
    for row in measured.rows:
        if row.operation != operation:
            operation, y = row.operation, y + CAPTION + 6
            shapes.append(svg.text((10, y - 6), operation, bold=True, size=12))
        seconds, colour = row.median("seconds") or 0, colours[row.candidate]
        width = BARS * seconds / longest
        shapes += [svg.text((NAMES - 6, y + 12), row.candidate, "end"), svg.bar((NAMES, y), width, THICK, colour),
                   svg.text((NAMES + width + 6, y + 12), f"{_value(seconds)} s", colour=colour, bold=True)]  # fmt: skip
        y += THICK + 5
    said = enumerate(_circumstances(measured))
    shapes += [svg.text((10, y + CAPTION + LINE * number), words) for number, words in said]
    return svg.picture(NAMES + BARS + 80, y + LINE + 2 * CAPTION, "seconds", shapes)


def _colours(rows: Sequence[Row]) -> dict[str, str]:
    candidates = dict.fromkeys(row.candidate for row in rows)
    return {name: COLOURS[number % len(COLOURS)] for number, name in enumerate(candidates)}


def _legend(colours: Mapping[str, str]) -> list[str]:
    shapes, x = [], LEFT
    for name, colour in colours.items():
        shapes += [svg.bar((x, 12), 14, 10, colour), svg.text((x + 20, 21), name, size=12)]
        x += 50 + 6.6 * len(name)
    return shapes


def _circumstances(measured: Measured) -> tuple[str, str]:
    """Two lines: where and when, and how."""
    runs = [run for row in measured.rows for run in row.runs if run.elsewhere is not None]
    others = sum(run.elsewhere or 0 for run in runs) / sum(run.seconds for run in runs) if runs else 0
    busy = f" · {others:.1f} CPUs were busy with others" if others > NOTABLE else ""
    return f"{measured.date} · {measured.machine}", f"{measured.command} · medians{busy}"


def _short(size: int) -> str:
    return f"{size // 1_000_000} M" if size >= 1_000_000 else f"{size // 1000} k"


def _value(value: float) -> str:
    return f"{value:.2f}" if value < 1 else f"{value:.1f}" if value < 10 else f"{value:.0f}"
