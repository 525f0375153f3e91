"""mirrorctl waits for a real controller that fetches through a narrow line."""

from __future__ import annotations

import json
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

import pytest
from prometheus_client.parser import text_string_to_metric_families

from appliance.doors import waiting
from tests.unit.house import House
from tests.unit.service import Service
from tests.unit.upstream import daemon, eventually

Sight = TypeVar("Sight")

PROGRAM = (
    # Who was started in the background ignores interrupts, and so do his children.
    "import os, signal; signal.signal(signal.SIGINT, signal.default_int_handler);"
    "from pathlib import Path; from appliance.doors import cli, program; from appliance.places import Places;"
    "root = Path(os.environ['ROOT']); program.PLACES = Places(root / 'run', root / 'state', root / 'data'); cli.main()"
)
WAIT = (sys.executable, "-c", PROGRAM, "sync", "debian", "--wait")
TRIES = 5
"""Fetches that are watched at most: of one that was over before a busy machine looked there is nothing to be seen."""
SIZE = 3_000_000
NARROW = 1000
"""KiB/s: three seconds for all of it."""


@pytest.fixture
def service() -> Iterator[Service]:
    # A socket's path must be short, which pytest's directories are not.
    root = Path(tempfile.mkdtemp(prefix="house"))
    upstream = root / "upstream"
    (upstream / "pool").mkdir(parents=True)
    (upstream / "pool/first").write_text("first")
    with daemon(root, {"debian": upstream}) as port:
        limits = {"BWLIMIT": str(NARROW), "PROFILE": "generic", "DEADLINE": "60"}
        extra = {f"MIRROR_ARCHIVES__DEBIAN__{name}": value for name, value in limits.items()}
        house = House(root / "house", port, extra=extra)
        house.store.close()
        service = Service(house)
        eventually(lambda: not service.get("/readyz").json()["reasons"] and progress(service) is None)
        fill(service)
        yield service
        service.process.kill()
        service.process.wait()
    shutil.rmtree(root)


def fill(service: Service) -> None:
    """Something new at the upstream."""
    pool = service.house.root.parent / "upstream/pool"
    begun = len(list(pool.iterdir()))
    (pool / f"image{begun}").write_bytes(os.urandom(SIZE - 50_000))
    for number in range(50):
        (pool / f"{begun + number}").write_bytes(os.urandom(1000))


def seen(service: Service, look: Callable[[], Sight | None]) -> Sight:
    """What was seen of a fetch, the first of a few that was not over too early."""
    for _ in range(TRIES):
        if sight := look():
            return sight
        fill(service)
    raise AssertionError("every fetch was over before it was seen")


def environ(service: Service) -> dict[str, str]:
    return {**os.environ, **service.house.environ, "ROOT": str(service.house.root), "PYTHONPATH": os.getcwd()}


@contextmanager
def terminal(service: Service) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """mirrorctl on a terminal of a hundred columns."""
    ours, its = pty.openpty()
    settings = {**environ(service), "TERM": "xterm", "COLUMNS": "100"}
    child = subprocess.Popen(WAIT, env=settings, stdin=its, stdout=its, stderr=its, start_new_session=True)
    os.close(its)
    try:
        yield child, ours
    finally:
        child.kill()
        child.wait()
        os.close(ours)


def said(terminal: int) -> str:
    text = b""
    with suppress(OSError):  # how a terminal ends
        while part := os.read(terminal, 1 << 16):
            text += part
    return text.decode()


def progress(service: Service) -> dict[str, Any] | None:
    known: dict[str, Any] | None = service.get("/api/v1/status").json()["archives"]["debian"]["progress"]
    return known


def start(service: Service) -> subprocess.Popen[str]:
    pipe = subprocess.PIPE
    return subprocess.Popen([*WAIT], env=environ(service), stdout=pipe, stderr=pipe, text=True)


def test_status_and_metrics_follow_a_fetch_from_a_total_that_is_right_at_once(service: Service) -> None:
    def watched() -> tuple[list[dict[str, Any]], str] | None:
        waiter, looks, text = start(service), [], ""
        eventually(lambda: (progress(service) or {}).get("stage") == "payload" or waiter.poll() is not None)
        while look := progress(service):
            looks.append(look)
            text = text or service.get("/metrics").text
        waiter.communicate()
        return (looks, text) if len({look["bytes"] for look in looks}) > 5 and "planned_bytes{" in text else None

    looks, text = seen(service, watched)
    assert {(look["planned_files"], look["planned_bytes"]) for look in looks} == {(51, SIZE)}
    amounts = [(look["bytes"], look["files"], look["fetched_bytes"]) for look in looks]
    assert all(one[i] <= other[i] for one, other in pairwise(amounts) for i in range(3))
    assert looks[-1]["bytes"] <= SIZE
    families = {family.name: family.samples for family in text_string_to_metric_families(text)}
    assert {s.labels["stage"]: s.value for s in families["mirror_run_stage"]}["payload"] == 1
    assert families["mirror_run_planned_bytes"][0].value == SIZE
    assert "mirror_run_planned_bytes{" not in service.get("/metrics").text


def test_a_terminal_shows_one_line_that_ends_as_a_summary(service: Service) -> None:
    def watched() -> tuple[str, list[str]] | None:
        with terminal(service) as (child, ours):
            text = said(ours)
            assert child.wait() == 0
        shares = re.findall(r"debian: payload (\d+) %, [^\r]*[\d.]+ [kM]B of 3.0 MB, [^\r]*\d+/51 files", text)
        return (text, shares) if len(set(shares)) > 2 else None

    text, shares = seen(service, watched)
    assert sorted(shares, key=int) == shares
    assert re.search(r" \d(\.\d)? s left, [^\r]+ [kM]B/s", text)
    last = text.strip().splitlines()[-1]
    assert re.search(r"debian: 51 files \(51 payload, 0 index\), .* in ([3-9]|\d\d+) s, [\d.]+ [kM]B/s$", last)


def test_who_leaves_leaves_the_run(service: Service) -> None:
    def left() -> str | None:
        with terminal(service) as (child, ours):
            eventually(lambda: (progress(service) or {}).get("bytes", 0) > 0 or child.poll() is not None)
            if child.poll() is None:
                os.killpg(child.pid, signal.SIGINT)
            text = said(ours)
            return text if child.wait() == 130 else None

    text = seen(service, left)
    assert "nobody waits any more, the run goes on" in text
    assert "Traceback" not in text
    eventually(lambda: progress(service) is None)
    assert service.get("/api/v1/status").json()["archives"]["debian"]["last_run"]["result"] == "success"


def test_two_who_wait_see_the_same_run_in_lines_where_there_is_no_terminal(service: Service) -> None:
    # Who is late has a run of his own behind this one, and sees this one first.
    line = r"debian: (the run before, )?payload \d+ %, .*\d+/51 files"

    def watched() -> tuple[tuple[str, str], ...] | None:
        waiters = start(service), start(service)
        said = tuple(one.communicate() for one in waiters)
        assert [one.returncode for one in waiters] == [0, 0]
        return said if all(re.search(line, err) for _, err in said) else None

    (out, err), (other_out, _) = seen(service, watched)
    assert "\x1b" not in err + out
    assert "51 files" in out + other_out


@pytest.mark.parametrize("option", ["--quiet", "--json"])
def test_silence_and_json(service: Service, option: str) -> None:
    done = subprocess.run([*WAIT, option], env=environ(service), capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    if option == "--quiet":
        assert done.stdout == ""
    else:
        answer = json.loads(done.stdout)
        assert (answer["code"], answer["run"]["payload"], answer["run"]["result"]) == (0, 51, "success")


def test_a_failure_is_a_fact_and_a_cure(service: Service) -> None:
    (service.house.root.parent / "upstream").rename(service.house.root.parent / "elsewhere")
    done = subprocess.run(WAIT, env=environ(service), capture_output=True, text=True)
    assert done.returncode not in (0, 130)
    fact, cure = done.stderr.splitlines()[-2:]
    assert "cannot list" in fact
    assert cure.startswith("  ")


@pytest.mark.parametrize(
    ("run", "text"),
    [
        ({"result": "noop", "payload": 0, "index": 0}, "debian: nothing new, serial 7, looked at in 4 s"),
        ({"kind": "publish"}, "debian: serial 7 published in 4 s"),
        ({"result": "error", "error": "a fact\x1b\n  a cure"}, "a fact\\x1b\n  a cure"),
        ({}, "debian: 1,236 files (1,234 payload, 2 index), serial 7, 8.0 MB in 4 s, 2.0 MB/s"),
        ({"ended_at": 10.0}, "debian: 1,236 files (1,234 payload, 2 index), serial 7, 8.0 MB in 0.0 s, at once"),
    ],
)
def test_what_a_run_came_to(run: dict[str, Any], text: str) -> None:
    known = {
        "kind": "sync", "result": "success", "started_at": 10.0, "ended_at": 14.0, "serial": "7", "payload": 1234,
        "index": 2, "bytes": 8_000_000, "error": "",
    }  # fmt: skip
    assert waiting.summary("debian", {**known, **run}) == text
