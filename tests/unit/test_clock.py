from __future__ import annotations

import time

import pytest

from appliance import clock

DAY = 86400


@pytest.mark.parametrize("jump", [-2 * DAY, 2 * DAY])
def test_a_clock_that_jumps_makes_nothing_older(monkeypatch: pytest.MonkeyPatch, jump: int) -> None:
    before, real = time.time(), time.time
    monkeypatch.setattr(time, "time", lambda: real() + jump)
    assert clock.steady() == pytest.approx(before, abs=60)
    assert clock.earliest() <= before + 60
    assert clock.latest() >= before
    assert clock.earliest() - clock.latest() == pytest.approx(-abs(jump), abs=60)
