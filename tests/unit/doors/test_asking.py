"""mirrorctl in a container that has just been started: its controller is waited for, and not for ever."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from appliance.doors import asking, program
from appliance.errors import ApplianceError
from appliance.places import Places

TICK = 0.3


def test_a_controller_that_starts_is_waited_for(tmp_path: Path) -> None:
    places = Places(run=tmp_path)
    start = threading.Timer(TICK, places.api.touch)
    begun = time.monotonic()
    start.start()
    asking.await_start(places, 30)
    assert places.api.exists()
    assert time.monotonic() - begun < 15


def test_one_that_does_not_start_is_told_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program, "PLACES", Places(run=tmp_path))
    monkeypatch.setattr(asking, "START", TICK)
    begun = time.monotonic()
    with pytest.raises(ApplianceError, match="does not answer"):
        program.ask("GET", "/api/v1/status")
    assert time.monotonic() - begun >= TICK
