from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.tree import deliver
from tests.unit.house import House
from tests.unit.notices.receiver import Receiver, receiver
from tests.unit.upstream import DebianTree, daemon


@pytest.fixture
def hook() -> Iterator[Receiver]:
    with receiver() as here:
        yield here


@pytest.fixture
def house(tmp_path: Path, origin: DebianTree, hook: Receiver) -> Iterator[House]:
    with daemon(tmp_path, {"debian": origin.root}) as port:
        extra = {"MIRROR_NOTIFY_WEBHOOK": f"http://127.0.0.1:{hook.port}/secret-path"}
        house = House(tmp_path / "house", port, extra=extra)
        yield house
        house.store.close()


@pytest.fixture
def top(tmp_path: Path, hook: Receiver, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    """An origin with one downstream that is soon lost."""
    extra = {"MIRROR_NOTIFY_WEBHOOK": f"http://127.0.0.1:{hook.port}/secret-path"}
    house = House(tmp_path / "top", downstreams="leaf=ssh://m@leaf?push=all", extra=extra)
    house.record_ssh(monkeypatch)
    monkeypatch.setattr(deliver, "FIRST_RETRY", 0.01)
    monkeypatch.setattr(deliver, "LOST_AFTER", 4)
    yield house
    house.store.close()
