from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from appliance.settings.faults import Fault
from appliance.settings.values import single_line


@given(st.text())
def test_a_single_line_stays_one(text: str) -> None:
    try:
        line = single_line(text)
    except Fault:
        return
    assert len(line.splitlines()) <= 1
    assert not line.endswith("\\")
