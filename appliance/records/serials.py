"""Serials, as texts and as numbers."""

from __future__ import annotations


def serial_number(text: str | None) -> int | None:
    """A serial as the number it is compared by; None for what is no serial."""
    is_serial = text is not None and text.isascii() and text.isdigit() and len(text) <= 18
    return int(text) if text and is_serial else None
