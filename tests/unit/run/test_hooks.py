from __future__ import annotations

import asyncio
import json
import signal
from pathlib import Path

import pytest

from appliance.records import Request
from appliance.run import hooks
from appliance.run.hooks import HookError
from tests.unit.house import House, ask, synced
from tests.unit.upstream import DebianTree, daemon


def write(directory: Path, point: int, script: str) -> Path:
    directory.mkdir(exist_ok=True)
    hook = directory / f"hook{point}"
    hook.write_text(f"#!/bin/sh\n{script}\n")
    hook.chmod(0o755)
    return hook


def call(directory: Path | None, point: int, deadline: float = 60) -> None:
    asyncio.run(hooks.call(directory, point, {"archive": "debian", "serial": None, "run": 7}, deadline))


def test_no_directory_no_hook(tmp_path: Path) -> None:
    call(None, 1)
    call(tmp_path, 1)


def test_a_hook_gets_the_facts_twice(tmp_path: Path) -> None:
    write(tmp_path, 4, f"cat > {tmp_path}/facts; env > {tmp_path}/variables")
    call(tmp_path, 4)
    assert json.loads((tmp_path / "facts").read_text()) == {
        "hook": "hook4",
        "archive": "debian",
        "serial": None,
        "run": 7,
    }
    variables = (tmp_path / "variables").read_text().splitlines()
    assert {"MIRROR_HOOK=hook4", "MIRROR_ARCHIVE=debian", "MIRROR_RUN=7"} <= set(variables)
    assert not [line for line in variables if line.startswith("MIRROR_SERIAL")]


def test_a_hook_that_fails_passes_its_status_on(tmp_path: Path) -> None:
    write(tmp_path, 1, "echo not today >&2; exit 42")
    with pytest.raises(HookError, match="hook1 failed with exit 42: not today") as caught:
        call(tmp_path, 1)
    assert caught.value.exit_code == 42


def test_a_hook_has_a_deadline(tmp_path: Path) -> None:
    write(tmp_path, 1, "sleep 600")
    with pytest.raises(HookError, match="ended after"):
        call(tmp_path, 1, deadline=0.3)


def test_a_hook_that_is_not_executable(tmp_path: Path) -> None:
    write(tmp_path, 1, "true").chmod(0o644)
    with pytest.raises(HookError) as caught:
        call(tmp_path, 1)
    assert "executable" in caught.value.cure


def scene(tmp_path: Path, failing: int, stage: str = "all") -> tuple[Request, House, list[str]]:
    """One run of a mirror with all five hooks, one of which fails with 40 plus its number."""
    origin = DebianTree(tmp_path / "origin")
    origin.release(hello="one")
    marks = tmp_path / "marks"
    for point in range(1, 6):
        status = 40 + point if point == failing else 0
        write(tmp_path / "hooks", point, f"echo hook{point} >> {marks}; exit {status}")

    async def play(house: House) -> Request:
        async with house.open() as controller:
            answered = await ask(controller, stage)
            await asyncio.gather(*controller.lanes["debian"].below.besides)
            return answered

    with daemon(tmp_path, {"debian": origin.root}) as port:
        house = House(tmp_path / "house", port, extra={"MIRROR_HOOKS": str(tmp_path / "hooks")})
        answered = asyncio.run(play(house))
    return answered, house, marks.read_text().split()


def test_all_five_in_their_order(tmp_path: Path) -> None:
    answered, house, marks = scene(tmp_path, failing=0)
    assert (answered.code, marks) == (0, ["hook1", "hook2", "hook3", "hook4", "hook5"])
    house.store.close()


def test_a_stage_1_run_has_four(tmp_path: Path) -> None:
    answered, house, marks = scene(tmp_path, failing=0, stage="stage1")
    assert (answered.code, marks) == (0, ["hook1", "hook2", "hook3", "hook4"])
    house.store.close()


@pytest.mark.parametrize("point", [1, 2, 3, 4])
def test_a_failing_hook_ends_the_run_there(tmp_path: Path, point: int) -> None:
    answered, house, marks = scene(tmp_path, failing=point)
    assert answered.code == 40 + point
    assert marks == [f"hook{number}" for number in range(1, point + 1)]
    held = {
        "payload": (house.tree / "pool/hello.deb").exists(),
        "index": (house.tree / "dists/s/InRelease").exists(),
        "trace": (house.tree / "project/trace/leaf").exists(),
    }
    assert held == {"payload": point > 1, "index": point > 2, "trace": point > 3}
    house.store.close()


def test_a_hook_that_a_signal_ends_does_not_look_like_a_host_out_of_reach(house: House) -> None:
    """Its status would be -1, and a pusher would be told 255."""
    write(house.root / "hooks", 1, "kill -HUP $$")
    house.extra["MIRROR_HOOKS"] = str(house.root / "hooks")
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)  # nohup(1) has it ignored, by every program below
    try:
        assert synced(house).code == 3
    finally:
        signal.signal(signal.SIGHUP, before)
