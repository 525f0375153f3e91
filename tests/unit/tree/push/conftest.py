from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.tree import deliver
from tests.unit.house import House


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    """An origin that begins to try again at once, and takes nobody for lost; its ssh only records."""
    house = House(tmp_path / "house")
    house.record_ssh(monkeypatch)
    monkeypatch.setattr(deliver, "FIRST_RETRY", 0.05)
    monkeypatch.setattr(deliver, "LOST_AFTER", 1000)
    yield house
    house.store.close()
