"""What settings are refused for."""

from __future__ import annotations

import pytest

from appliance.errors import ConfigurationError, Problem
from appliance.settings import load
from tests.unit.samples import SMALLEST


def problems(changes: dict[str, str | None]) -> dict[str, Problem]:
    """What is wrong with the smallest mirror after these changes, by variable."""
    environ = {**SMALLEST, **changes}
    with pytest.raises(ConfigurationError) as caught:
        load({name: value for name, value in environ.items() if value is not None})
    assert all(problem.fact and problem.cure for problem in caught.value.problems)
    return {problem.variable: problem for problem in caught.value.problems}
