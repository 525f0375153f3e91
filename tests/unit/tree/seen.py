"""Mirrors as a watch has seen them, for tests of who is given to users."""

from __future__ import annotations

from collections.abc import Iterable

from appliance.records import Fresh, Sighting
from appliance.settings.registered import RegisteredMirror
from appliance.tree.place import Place, places, with_us

NOW = 1_800_000_000.0


def us(serial: str | None = "2026112102") -> Sighting:
    """Ourselves."""
    return Sighting("us.example.org", "debian", None, "self", serial=serial, fresh="fresh", consistent=True)


def mirror(
    name: str,
    serial: str | None = "2026112102",
    fresh: Fresh = "fresh",
    *,
    consistent: bool | None = True,
    country: str = "",
    weight: int = 100,
    error: str = "",
    listed: bool = True,
    url: str = "https://{}.example.org/debian",
) -> Sighting:
    """A registered mirror that was looked at just now."""
    return Sighting(
        f"{name}.example.org", "debian", None, "registered", url.format(name), serial, fresh, looked_at=NOW,
        seen_at=NOW if not error else NOW - 60, consistent=consistent, country=country, weight=weight, error=error,
        listed=listed, lag=0.0 if fresh == "fresh" else 40_000.0, missed=0 if fresh == "fresh" else 2,
    )  # fmt: skip


def found(*seen: Sighting, registry: Iterable[RegisteredMirror] = ()) -> tuple[Place, ...]:
    """What users may be sent to; ourselves below ``http://us/debian``."""
    return with_us(places("debian", seen, registry), "http://us/debian")
