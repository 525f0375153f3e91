from __future__ import annotations

from pathlib import Path

import pytest

from appliance.places import Places


@pytest.fixture
def places(tmp_path: Path) -> Places:
    """Empty roots, as a fresh container finds them."""
    found = Places(run=tmp_path / "run", state=tmp_path / "state", data=tmp_path / "data")
    for root in (found.run, found.state, found.data):
        root.mkdir()
    return found
