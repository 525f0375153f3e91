"""What is written on the page can be read in both lights (WCAG 2: 4.5 to 1 for text, 3 to 1 for marks)."""

from __future__ import annotations

import re

import pytest

from appliance.doors.page import TEMPLATES

STYLE = (TEMPLATES / "board.css").read_text()
LIGHT, DARK = (dict(re.findall(r"--(\w+): (#[0-9a-f]{6})", part)) for part in STYLE.split("@media", 2)[:2])


def luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("ground", ["paper", "panel"])
@pytest.mark.parametrize("colour", ["ink", "soft", "moving", "stale", "unlisted", "bad", "line"])
def test_contrast(palette: dict[str, str], ground: str, colour: str) -> None:
    assert contrast(palette[colour], palette[ground]) >= 4.5
