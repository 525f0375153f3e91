from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.places import Places

# The profiles are there before pytest chooses one.
from tests.unit import examples as examples


@pytest.fixture
def places(tmp_path: Path) -> Places:
    """Empty roots, as a fresh container finds them."""
    found = Places(run=tmp_path / "run", state=tmp_path / "state", data=tmp_path / "data")
    for root in (found.run, found.state, found.data):
        root.mkdir()
    return found


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    """What is captured for one test is closed in the next."""
    logger = logging.getLogger("push-mirror")
    handlers, level, propagates = list(logger.handlers), logger.level, logger.propagate
    others = list(logging.getLogger().handlers)
    yield
    logger.handlers[:], logger.propagate = handlers, propagates
    logging.getLogger().handlers[:] = others
    logger.setLevel(level)
