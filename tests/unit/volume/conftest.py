from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from appliance import volume
from appliance.commands import Verdict
from appliance.lanes import retry
from appliance.lanes.retry import Pace
from tests.unit import filesystems
from tests.unit.house import House
from tests.unit.upstream import DebianTree, daemon


@pytest.fixture
def build(tmp_path: Path, origin: DebianTree, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., House]]:
    """Makes a mirror on filesystems with these options, which looks at its volume often and tries again soon."""
    monkeypatch.setattr(volume, "EVERY", 0.05)
    monkeypatch.setattr(retry, "PACES", {Verdict.LOCAL: Pace(0.3, 0.3)})
    with ExitStack() as stack:
        port = stack.enter_context(daemon(tmp_path, {"debian": origin.root}))

        def build(data: str = "", state: str = "", **extra: str) -> House:
            root = tmp_path / "house"
            for name, options in (("data", data), ("state", state)):
                if options:
                    stack.enter_context(filesystems.small(root / name, options))
            house = House(root, port, extra={"MIRROR_RESERVE": "0", **extra})
            stack.callback(house.store.close)
            return house

        yield build
