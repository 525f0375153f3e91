from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from appliance.lanes.below import Below
from appliance.meanwhile import meanwhile
from appliance.run.chronicle import Chronicle
from appliance.sync import prune, publish, trace
from appliance.sync.quarantine import Quarantine
from appliance.sync.reader import Reader
from appliance.sync.staging import Staging
from tests.unit.house import House, synced
from tests.unit.upstream import DebianTree, daemon


def test_the_loop_goes_on_meanwhile() -> None:
    async def scene() -> str:
        free = threading.Event()
        asyncio.get_running_loop().call_soon(free.set)
        return await meanwhile(lambda: "done" if free.wait(60) else "stuck")

    assert asyncio.run(scene()) == "done"


def test_what_it_raises_comes_here() -> None:
    with pytest.raises(ZeroDivisionError):
        asyncio.run(meanwhile(divmod, 1, 0))


@pytest.mark.parametrize("times", [1, 2])
def test_who_is_cancelled_waits_for_the_end(times: int) -> None:
    begun, free, done = threading.Event(), threading.Event(), threading.Event()

    def work() -> None:
        begun.set()
        free.wait(60)
        done.set()

    async def scene() -> None:
        doing = asyncio.create_task(meanwhile(work))
        await asyncio.to_thread(begun.wait)
        for _ in range(times):
            doing.cancel()
            await asyncio.sleep(0.01)
        asyncio.get_running_loop().call_later(0.05, free.set)
        with pytest.raises(asyncio.CancelledError):
            await doing
        assert done.is_set()

    asyncio.run(scene())


WORK: list[tuple[Any, str]] = [
    (publish, "publish"),
    (prune, "delete"),
    (trace, "write"),
    (trace, "write_stage1"),
    (trace, "architectures"),
    (Staging, "keep_only"),
    (Staging, "drop_known"),
    (Staging, "forget_partial"),
    (Chronicle, "announce"),
    (Chronicle, "record"),
    (Quarantine, "keep"),
    (Reader, "plan"),
]
"""What costs with the number or the size of files."""


@pytest.fixture
def upstream(tmp_path: Path) -> Iterator[tuple[DebianTree, int]]:
    archive = DebianTree(tmp_path / "upstream")
    archive.release("2026112101", hello="one", gone="two")
    with daemon(tmp_path, {"debian": archive.root}) as port:
        yield archive, port


def test_nothing_of_a_sync_that_takes_its_time_is_done_on_the_event_loop(
    upstream: tuple[DebianTree, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive, port = upstream
    seen: dict[str, set[bool]] = {}

    def watched(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def work(*facts: Any, **named: Any) -> Any:
            seen.setdefault(name, set()).add(threading.current_thread() is threading.main_thread())
            return real(*facts, **named)

        return work

    for place, name in WORK:
        monkeypatch.setattr(place, name, watched(name, getattr(place, name)))
    monkeypatch.setattr(Below, "is_staged", lambda _: True)  # else nothing is announced

    house = House(tmp_path / "house", port, extra={"MIRROR_ARCHIVES__DEBIAN__GRACE": "0"})
    synced(house, stage="stage1")
    synced(house)
    del archive.packages["gone"]
    (archive.root / "pool/gone.deb").unlink()
    archive.release("2026112102", hello="three")
    synced(house)
    archive.release("2026112103", hello="four")
    archive.write("dists/s/main/binary-all/Packages", b"Package: evil\n")
    synced(house)
    house.store.close()
    assert seen == {name: {False} for _, name in WORK}
