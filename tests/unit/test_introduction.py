from __future__ import annotations

import pytest

from appliance.introduction import key_variable
from tests.unit.samples import HUB_KEY, smallest


@pytest.mark.parametrize("name", ["hub.example.org", "xn--mnchen-3ya.example", "my_hub.example", "hub-", "192.0.2.7"])
def test_what_others_paste_is_a_setting_there(name: str) -> None:
    variables = [key_variable(family, name) for family in ("TRIGGERS", "PULLS")]
    assert len(smallest(**{variables[0].removeprefix("MIRROR_"): HUB_KEY}).triggers) == 1
    assert len(smallest(**{variables[1].removeprefix("MIRROR_"): HUB_KEY}).pulls) == 1
