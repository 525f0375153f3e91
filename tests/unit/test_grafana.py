"""The dashboard in Grafana's own types, generated from its sources: nothing in it is lost or unknown there."""

from __future__ import annotations

import json
from typing import Any, Final

import pytest

from tests.unit.test_alerts import board

pytestmark = pytest.mark.linters

UNKNOWN: Final = {"definition"}
"""What Grafana itself writes beside the query of a variable, and its types do not have."""


def test_grafana_knows_every_word() -> None:
    # Heavy, and for this machine alone: the image has no such package.
    from grafana_foundation_sdk.cog import plugins
    from grafana_foundation_sdk.cog.encoder import JSONEncoder
    from grafana_foundation_sdk.models.dashboard import Dashboard

    plugins.register_default_plugins()
    read = json.loads(JSONEncoder().encode(Dashboard.from_json(board())))
    assert list(lost(board(), read)) == []


def lost(written: Any, read: Any, place: str = "") -> list[str]:
    """The places where something is not as it was written."""
    if isinstance(written, dict) and isinstance(read, dict):
        unread = [f"{place}/{key}" for key in written.keys() - read.keys() - UNKNOWN]
        both = written.keys() & read.keys()
        return unread + [one for key in both for one in lost(written[key], read[key], f"{place}/{key}")]
    if isinstance(written, list) and isinstance(read, list) and len(written) == len(read):
        pairs = enumerate(zip(written, read, strict=True))
        return [one for number, pair in pairs for one in lost(*pair, f"{place}/{number}")]
    return [] if written == read else [place]
