"""Triggers by HTTP as whoever loads the URL sees them: both forms, both schemes, and what is told to nobody."""

from __future__ import annotations

import base64
import ssl
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from multiprocessing import get_context
from statistics import median
from typing import Any, Final

import httpx
import pytest

from tests.harness import Node, wait_for
from tests.stock import FILES, Ours, World, variables
from tests.stock.world import STATE

pytestmark = pytest.mark.integration

NAME: Final = "leaf-ours"
"""What the certificate is good for, too."""
PASSWORD: Final = "a-long-random-password"
TOKEN: Final = "7d9f2c1e-54aa-4d0e-9a55-0d6a3a1c8a11"
SECOND: Final = "0f6d1f0e-7b1c-4f57-8f3c-6a1d1ad7f2b3"
GUESS: Final = "another-guess-that-is-wrong"
SETTINGS: Final = {
    **variables("debian", upstream="none"),
    **variables("releases", upstream="none"),
    "MIRROR_HOOKS": f"{STATE}/hooks",
    "MIRROR_HTTP_TRIGGERS__ARCHIVE__PASSWORD": PASSWORD,
    "MIRROR_HTTP_TRIGGERS__ARCHIVE__TOKEN": SECOND,
    "MIRROR_HTTP_TRIGGERS__ARCHIVE__ARCHIVES": "debian",
    "MIRROR_HTTP_TRIGGERS__RELEASES__TOKEN": TOKEN,
    "MIRROR_HTTP_TRIGGERS__RELEASES__ARCHIVES": "releases",
    "MIRROR_HTTP_TRIGGERS__ELSEWHERE__PASSWORD": PASSWORD,
    "MIRROR_HTTP_TRIGGERS__ELSEWHERE__FROM": "198.51.100.0/24",
    "MIRROR_TLS_CERT_FILE": f"{FILES}/tls.crt",
    "MIRROR_TLS_KEY_FILE": f"{FILES}/tls.key",
}
GATE: Final = f"{STATE}/gate"
HOOK: Final = f'#!/bin/sh\nwhile [ -e {GATE} ] && [ "$MIRROR_ARCHIVE" = debian ]; do sleep 0.05; done\n'
BURST: Final = 1000
CALLERS: Final = 20
AT_ONCE: Final = 20
A_SECOND: Final = 5
"""What README promises of the rate."""


class Upstream:
    """Somebody on the network of the mirror, over one of the two schemes."""

    def __init__(self, node: Ours, scheme: str, authorities: str) -> None:
        port = {"http": 8080, "https": 8443}[scheme]
        trust = ssl.create_default_context(cadata=authorities)
        self._client = httpx.Client(base_url=f"{scheme}://127.0.0.1:{node.port(port)}", verify=trust, timeout=60)

    def load(self, path: str, method: str = "GET", **more: Any) -> httpx.Response:
        """The answer, as soon as it is another than to come more slowly. The certificate is checked for NAME."""

        def ask() -> httpx.Response | None:
            answer = self._client.request(method, path, extensions={"sni_hostname": NAME}, **more)
            return None if answer.status_code == 429 else answer

        answer = wait_for(ask, 60, f"an answer to {method} {path}")
        assert answer
        return answer


@pytest.fixture(scope="module")
def mirror(world: World) -> Iterator[Ours]:
    """Two archives that begin here, so that a trigger publishes; with a certificate."""
    files = {name: world.keys[name] for name in ("tls.crt", "tls.key")}
    with world.ours(NAME, SETTINGS, files, publish_all_ports=True) as node:
        node.put(STATE, {"hooks/hook1": HOOK.encode()}, mode=0o755)
        yield node


@pytest.fixture(params=["http", "https"])
def upstream(request: pytest.FixtureRequest, mirror: Ours, world: World) -> Upstream:
    return Upstream(mirror, request.param, world.keys.files["ca.pem"])


@contextmanager
def held(node: Ours) -> Iterator[None]:
    """Runs of debian last as long as the block."""
    node.run("touch", GATE)
    try:
        yield
    finally:
        node.run("rm", "-f", GATE)


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    ("archive", "path", "auth"),
    [("debian", "/trigger", ("archive", PASSWORD)), ("releases", f"/trigger/releases/{TOKEN}", None)],
    ids=["password", "token"],
)
def test_a_trigger_is_accepted_at_once_and_can_be_followed(
    mirror: Ours, upstream: Upstream, archive: str, path: str, auth: tuple[str, str] | None, method: str
) -> None:
    before = mirror.archive(archive)["runs"]
    with held(mirror):
        answer = upstream.load(path, method, auth=auth)
        assert answer.status_code == 202
        (accepted,) = answer.json()["accepted"]
        assert accepted["archive"] == archive
        if archive == "debian":
            assert upstream.load(accepted["follow"]).json()["state"] in ("waiting", "running")
    finished = {"archive": archive, "stage": "all", "state": "finished", "code": 0}
    wait_for(lambda: finished.items() <= upstream.load(accepted["follow"]).json().items(), 60, "the request is served")
    assert mirror.archive(archive)["runs"] == before + 1


def test_wrong_secrets_are_not_told_apart(mirror: Ours, upstream: Upstream) -> None:
    before = {name: mirror.archive(name)["runs"] for name in ("debian", "releases")}
    users = [("archive", GUESS), ("nobody", PASSWORD), ("releases", TOKEN), ("elsewhere", PASSWORD), ("archive", "")]
    refused = [upstream.load("/trigger", auth=user) for user in users] + [upstream.load("/trigger", "POST")]
    assert {answer.status_code for answer in refused} == {401}
    assert len({answer.text for answer in refused}) == 1
    ways = [f"releases/{GUESS}", f"debian/{TOKEN}", f"nowhere/{TOKEN}", f"releases/{TOKEN[:-1]}"]
    nothing = [upstream.load(f"/trigger/{way}") for way in ways]
    assert {answer.status_code for answer in nothing} == {404}
    assert len({answer.text for answer in nothing}) == 1
    assert {name: mirror.archive(name)["runs"] for name in before} == before


def test_a_large_body_is_refused(mirror: Ours, upstream: Upstream) -> None:
    before = mirror.archive()["runs"]
    answer = upstream.load("/trigger", "POST", auth=("archive", PASSWORD), content=b"x" * 1_000_000)
    assert answer.status_code == 413
    chunks = upstream.load("/trigger", "POST", auth=("archive", PASSWORD), content=[b"x" * 8192] * 128)
    assert chunks.status_code == 413
    assert mirror.archive()["runs"] == before


def test_a_burst_is_bounded_and_stops_nobody_else(mirror: Ours, world: World) -> None:
    before = mirror.archive()["runs"]
    with held(mirror), ProcessPoolExecutor(1, mp_context=get_context("spawn")) as elsewhere:
        first = Upstream(mirror, "http", world.keys.files["ca.pem"]).load(f"/trigger/debian/{SECOND}")
        assert first.status_code == 202
        # All that is accepted now becomes the run behind this one, however little the tests before have left room for.
        mirror.wait_for(lambda node: node.archive()["stage"] == "publish", 60, "a run is under way")
        elsewhere.submit(int).result()  # is there
        started = time.monotonic()
        loading = elsewhere.submit(burst, mirror.port(8080))
        usually = median(waits(mirror.port(8080), loading))
        seconds = time.monotonic() - started
        statuses = loading.result()
        assert sum(statuses.values()) == BURST
        assert set(statuses) == {202, 429}
        assert 1 <= statuses[202] <= AT_ONCE + 1 + A_SECOND * seconds
        # Not the slowest: one answer may be late for reasons of this machine.
        assert usually < 2, "the controller answered others too late"
        assert mirror.archive()["stage"] == "publish", "the run was over too early to prove anything"
    mirror.wait_for(lambda node: mirror.is_quiet("debian"), 60, "everything is served")
    assert mirror.archive()["runs"] == before + 2


def burst(port: int) -> Counter[int]:
    """Every trigger's status, of many callers at a time; in a process of its own, not to measure ourselves."""
    with ThreadPoolExecutor(CALLERS) as callers:
        return sum(callers.map(volley, [port] * CALLERS), Counter())


def volley(port: int) -> Counter[int]:
    """The statuses that one caller gets for its part of the burst."""
    with closing(HTTPConnection("127.0.0.1", port, timeout=60)) as line:
        seen: Counter[int] = Counter()
        for _ in range(BURST // CALLERS):
            line.request("GET", f"/trigger/debian/{SECOND}")
            answer = line.getresponse()
            answer.read()
            seen[answer.status] += 1
        return seen


def waits(port: int, loading: Future[Counter[int]]) -> Iterator[float]:
    """How long the status takes, again and again until everything is loaded, in seconds."""
    is_over = False
    while not is_over:
        is_over, started = loading.done(), time.monotonic()
        assert httpx.get(f"http://127.0.0.1:{port}/api/v1/status", timeout=60).status_code == 200
        yield time.monotonic() - started


def test_no_secret_is_ever_logged(mirror: Ours, world: World) -> None:
    """After everything above, much of which nginx has refused; also while the controller does not answer."""
    upstream = Upstream(mirror, "http", world.keys.files["ca.pem"])
    for path, status in ((f"debian/{SECOND}", 202), (f"releases/{GUESS}", 404)):
        assert upstream.load(f"/trigger/{path}").status_code == status
    assert upstream.load("/trigger", auth=("archive", PASSWORD)).status_code == 202
    pid = mirror.run("cat", "/run/mirror/controller.pid").strip()
    mirror.run("kill", "-STOP", pid)
    try:
        with pytest.raises(httpx.TimeoutException):
            upstream.load(f"/trigger/releases/{TOKEN}", timeout=0.5)
    finally:
        mirror.run("kill", "-CONT", pid)
    mirror.wait_healthy()
    mirror.wait_for(lambda node: mirror.is_quiet("debian"), 60, "everything is served")
    logged = mirror.wait_for(_logged, 60, "a run of debian is in the log")
    for secret in (PASSWORD, TOKEN, TOKEN[:-1], SECOND, GUESS):
        assert secret not in logged
        assert base64.b64encode(f"archive:{secret}".encode()).decode() not in logged


def _logged(node: Node) -> str:
    """All that it has printed, when there is a run in it."""
    logged = str(node.container.logs().decode())
    return logged if "run starts" in logged and "archive=debian" in logged else ""
