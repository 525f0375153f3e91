from __future__ import annotations

import asyncio
import os
import re
import resource
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from appliance.commands import MISSING, TIMED_OUT, Outcome, run, run_now
from tests.unit.house import until
from tests.unit.programs import lives
from tests.unit.upstream import PATIENCE, eventually


def go(*argv: str, deadline: float = PATIENCE, **options: object) -> Outcome:
    return asyncio.run(run(argv, deadline=deadline, **options))  # type: ignore[arg-type]


def test_outcome_of_a_good_and_a_bad_end() -> None:
    good, bad = go("sh", "-c", "echo out; echo err >&2"), go("sh", "-c", "echo why >&2; exit 7")
    assert (good.ok, good.stdout, good.stderr) == (True, "out\n", "err\n")
    assert (bad.ok, bad.code, bad.last_words) == (False, 7, "why")


def test_a_missing_program_is_an_outcome() -> None:
    assert go("no-such-program").code == MISSING
    assert run_now("no-such-program").code == MISSING


def test_the_environment_is_built_from_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIRROR_PASSWORD", "secret")
    assert "secret" not in go("env").stdout
    assert "secret" not in run_now("env").stdout
    assert "A=1\n" in go("env", env={"A": "1"}).stdout


def test_input_and_lines() -> None:
    seen: list[bytes] = []
    outcome = go("cat", feed=b"one\ntwo\nthree", on_line=seen.append)
    assert seen == [b"one", b"two", b"three"]
    assert outcome.stdout == ""
    assert run_now("cat", input="text").stdout == "text"


def test_only_the_end_of_much_output_is_kept() -> None:
    outcome = go("sh", "-c", "yes | head -c 1000000; echo end")
    assert len(outcome.stdout) <= 64 * 1024
    assert outcome.stdout.endswith("end\n")


def test_a_child_that_does_not_read_its_input_is_no_error() -> None:
    assert go("true", feed=b"x" * 1_000_000).ok


def begun(pid: Path, *argv: str) -> Outcome:
    """At a deadline that is short, but not too short for the program to write its file."""
    for deadline in (0.5, 5, PATIENCE):
        outcome = go(*argv, deadline=deadline)
        if pid.exists() and pid.read_text().strip():
            return outcome
    raise AssertionError("it has not even begun")


def test_the_deadline_ends_the_whole_process_group(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    outcome = begun(pid, "sh", "-c", f"sleep 600 & echo $! > {pid}; wait")
    assert outcome.code == TIMED_OUT
    assert re.search(r"ended after \d+(\.5)? s", outcome.last_words)
    assert outcome.seconds < 300
    eventually(lambda: not lives(int(pid.read_text())))


def test_what_a_child_leaves_behind_does_not_keep_us(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("appliance.children.PATIENCE", 0.2)
    pid = tmp_path / "pid"
    outcome = go("sh", "-c", f"sleep 600 & echo $! > {pid}; echo gone >&2; exit 3", deadline=900)
    assert (outcome.code, outcome.last_words) == (3, "gone")
    assert outcome.seconds < 300
    eventually(lambda: not lives(int(pid.read_text())))


def test_memory_is_limited() -> None:
    program = ("python3", "-c", "import sys; sys.stdin.read(); bytearray(1 << 30)")
    assert go(*program).ok
    assert "MemoryError" in go(*program, memory=200 << 20).stderr


@pytest.mark.parametrize("refusal", [ValueError("not allowed to raise maximum limit"), PermissionError()])
def test_a_limit_that_cannot_be_set_leaves_no_child_behind(monkeypatch: pytest.MonkeyPatch, refusal: Exception) -> None:
    """There is a lower one already, which only root may raise, or the engine forbids it."""

    def refuse(*_: object) -> None:
        raise refusal

    monkeypatch.setattr(resource, "prlimit", refuse)
    assert go("echo", "here", memory=1 << 40).stdout == "here\n"


def test_a_fault_of_the_reader_ends_the_child() -> None:
    def fail(line: bytes) -> None:
        raise ValueError(line)

    started = time.monotonic()
    with pytest.raises(ValueError, match="first"):
        go("sh", "-c", "echo first; exec sleep 600", deadline=900, on_line=fail)
    assert time.monotonic() - started < 300


def test_who_ignores_term_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("appliance.children.PATIENCE", 0.2)
    assert go("sh", "-c", "trap '' TERM; while :; do sleep 1; done", deadline=0.3).code == TIMED_OUT


def test_cancelling_ends_the_child(tmp_path: Path) -> None:
    pid = tmp_path / "pid"

    async def start_and_leave() -> None:
        running = asyncio.create_task(run(["sh", "-c", f"echo $$ > {pid}; exec sleep 60"], deadline=60))
        while not (pid.exists() and pid.read_text().strip()):
            await asyncio.sleep(0.01)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    asyncio.run(start_and_leave())
    eventually(lambda: not lives(int(pid.read_text())))


def test_who_is_cancelled_twice_leaves_nobody_behind(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    kin = f"echo $$ > {pid}.new; mv {pid}.new {pid}; while :; do sleep 1; done"
    script = f"trap '' TERM; sh -c '{kin}' & wait; wait"

    async def scene() -> None:
        running = asyncio.create_task(run(["sh", "-c", script], deadline=60))
        while not pid.exists():
            await asyncio.sleep(0.01)
        for _ in range(2):
            running.cancel()
            await asyncio.sleep(0.05)
        await asyncio.wait((running,))

    asyncio.run(scene())
    eventually(lambda: not lives(int(pid.read_text())))


def test_who_is_cancelled_while_a_program_starts_leaves_nobody_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a busy machine it has begun, and has started others, before its start is known here."""
    pid, begin = tmp_path / "pid", asyncio.create_subprocess_exec
    script = f"sleep 600 & echo $! > {pid}.new; mv {pid}.new {pid}; wait"

    async def scene() -> None:
        known, loop = asyncio.Event(), asyncio.get_running_loop()

        async def slowly(*argv: str, **options: Any) -> asyncio.subprocess.Process:
            child = await begin(*argv, **options)
            await until(pid.exists)
            patience.reschedule(0)
            loop.call_later(0.01, known.set)
            await known.wait()
            return child

        monkeypatch.setattr(asyncio, "create_subprocess_exec", slowly)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(None) as patience:
                await run(["sh", "-c", script], deadline=600)

    asyncio.run(scene())
    eventually(lambda: not lives(int(pid.read_text())))


def test_a_failed_command_prints_itself() -> None:
    shown = str(Outcome(("rsync", "a", "b"), 23, "", "one\ntwo", 1.25))
    assert shown == "rsync a b: exit 23 after 1.2 s, stderr:\n    one\n    two"


def test_what_leaves_its_session_and_keeps_the_pipes_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("appliance.children.PATIENCE", 0.2)
    pid = tmp_path / "pid"
    leave = f"setsid sh -c 'echo $$ > {pid}; exec sleep 600' & until [ -s {pid} ]; do sleep 0.01; done"
    outcome = go("sh", "-c", f"{leave}; echo done; exit 3", deadline=900)
    try:
        assert (outcome.code, outcome.stdout) == (3, "done\n")
        assert outcome.seconds < 300
    finally:
        os.kill(int(pid.read_text()), signal.SIGKILL)


def test_what_ignores_term_and_leaves_the_pipes_to_others_ends_at_its_deadline(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("appliance.children.PATIENCE", 0.2)
    pid = tmp_path / "pid"
    outcome = begun(
        pid, "sh", "-c", f"trap '' TERM; setsid sh -c 'echo $$ > {pid}; exec sleep 600' & sleep 600; sleep 600"
    )
    try:
        assert outcome.code == TIMED_OUT
        assert outcome.seconds < 300
    finally:
        os.kill(int(pid.read_text()), signal.SIGKILL)
