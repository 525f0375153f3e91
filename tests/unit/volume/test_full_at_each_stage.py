"""A volume fills up at one stage of a run, to the last byte: readers have one state or the other, and it goes on."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from appliance.controller import Controller
from tests.unit import filesystems
from tests.unit.house import House, ask, played, until
from tests.unit.upstream import DebianTree, tree

Moment = Callable[[str, tuple[Any, ...], House, str], bool]
"""Whether an audit event of Python, with its facts, in a house whose run is in a stage, is the one."""


def _rsync(*words: str) -> Moment:
    return lambda event, facts, _, stage: event == "subprocess.Popen" and {*words} <= {*map(str, facts[1]), stage}


def _writes(where: Callable[[House], Path]) -> Moment:
    def is_it(event: str, facts: tuple[Any, ...], house: House, stage: str) -> bool:
        if event != "open" or not isinstance(facts[0], str | Path) or not facts[2] & (os.O_WRONLY | os.O_RDWR):
            return False
        return stage == "publish" and str(facts[0]).startswith(f"{where(house)}/")

    return is_it


MOMENTS: Final[dict[str, Moment]] = {
    "plan": _rsync("plan", "--dry-run"),
    "payload": _rsync("payload"),
    "index": _rsync("--ignore-times"),
    "publish": lambda event, facts, house, stage: event == "os.rename" and str(facts[1]).endswith("/Packages"),
    "trace": _writes(lambda house: house.tree / "project/trace"),
    "journal": _writes(lambda house: house.places.journal("debian")),
    "store": lambda event, facts, house, stage: (
        event == "sql" and facts[0].startswith("insert into archive (name, pub")
    ),
}
"""When each stage begins to write."""


_listening: list[Callable[[str, tuple[Any, ...]], None]] = []


def _hear(event: str, facts: tuple[Any, ...]) -> None:
    for hear in _listening:
        hear(event, facts)


@contextmanager
def heard(hear: Callable[[str, tuple[Any, ...]], None]) -> Iterator[None]:
    """Audit hooks are for ever: one of ours hears for all tests."""
    if not hasattr(_hear, "is_there"):
        sys.addaudithook(_hear)
        _hear.is_there = True  # type: ignore[attr-defined]
    _listening.append(hear)
    try:
        yield
    finally:
        _listening.clear()


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("volume", ["data", "state"])
def test_it_fills_up_at_one_stage(
    build: Callable[..., House],
    origin: DebianTree,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    volume: str,
    moment: str,
) -> None:
    monkeypatch.setattr("appliance.lasting.VOLUME_PAUSE", 0.05)
    house = build(**{volume: "size=4m"})
    full: list[Path] = []

    async def scene(controller: Controller) -> None:
        def hear(event: str, facts: tuple[Any, ...]) -> None:
            figures = controller.lanes["debian"].figures
            if figures and not full and MOMENTS[moment](event, facts, house, figures.stage):
                _listening.clear()
                full.append(filesystems.fill(getattr(house.places, volume)))

        assert (await ask(controller)).code == 0
        states = [house.carried]
        origin.release("2026112102", hello="a second one", world=os.urandom(200_000).hex())
        states.append({**states[0], **tree(origin.root)})
        house.store._db.set_trace_callback(lambda text: hear("sql", (text,)))
        with heard(hear):
            asking = asyncio.create_task(ask(controller))
            await until(lambda: full and (asking.done() or troubles(caplog)))
        assert any(state.items() <= tree(house.tree).items() for state in states), "readers have the one or the other"
        felt = volume == "state" or moment in ("plan", "payload", "index", "trace")
        assert bool(troubles(caplog)) is felt, "renames need no room, and the store and the journal lie elsewhere"
        full[0].unlink()
        await asking
        await until(lambda: house.holds(origin) and not house.store.archive("debian").failures)
        await until(lambda: not house.store.open_requests("debian"))
        assert not house.places.notes("debian").exists()
        assert not [*house.tree.rglob(".*")]

    played(house, scene)


def troubles(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What was said of it."""
    return [text for text in caplog.messages if text in ("run failed", "a volume cannot be used, trying again")]
