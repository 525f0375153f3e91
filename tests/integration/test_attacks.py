"""What strangers try at the doors for HTTP and rsync, and what a look around must not find: each refused or bounded.

What a trigger key cannot do is in ``test_triggers``, what an upstream or downstream cannot do to us in
``test_bad_input``, ``tests/unit/sync/test_hostile.py`` and ``tests/unit/test_fuzz.py``.
"""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Final

import httpx
import pytest

from tests.ground.waiting import Stopwatch, wait_for
from tests.harness import Lone

pytestmark = pytest.mark.integration

SECRETS: Final = {
    "MIRROR_ARCHIVES__LOCKED__AUTH_USERS": "leaf",
    "MIRROR_RSYNC_SECRETS": "leaf:SECRET-rsync-secret",
    "MIRROR_ARCHIVES__PULLED__UPSTREAM": "rsync://user@127.0.0.1:9/nothing",
    "MIRROR_ARCHIVES__PULLED__PASSWORD": "SECRET-upstream-password",
    "MIRROR_HTTP_TRIGGERS__HUB__PASSWORD": "SECRET-http-password",
    "MIRROR_HTTP_TRIGGERS__HUB__TOKEN": "SECRET-http-token-of-length",
    "MIRROR_NOTIFY_WEBHOOK": "http://127.0.0.1:9/SECRET-webhook",
    "MIRROR_NOTIFY_URLS": "json://127.0.0.1:9/SECRET-apprise",
    "MIRROR_DOWNSTREAMS": "leaf=https://127.0.0.1:9/SECRET-downstream",
}
"""Every kind of secret that settings may hold."""

DISK: Final = (
    "find", "/srv/mirror", "-path", "/srv/mirror/.staging/pulled", "-prune", "-o", "-printf", "%p %s %T@\n"
)  # fmt: skip
"""Prints all that is on it, but for where an archive is tried to be fetched again and again."""

PATIENCE: Final = 300.0
"""Seconds that anything may take on a machine that stalls; what has to come sooner is measured."""

FILES: Final = """
mkdir -p /srv/mirror/debian/dists /srv/mirror/locked /srv/mirror/.staging/debian
echo published >/srv/mirror/debian/dists/file
echo outside >/srv/mirror/outside
echo outside >/srv/mirror/.staging/debian/file
ln -s /etc/passwd /srv/mirror/debian/leaves
ln -s ../outside /srv/mirror/debian/leaves-too
mkfifo /srv/mirror/debian/fifo
"""


@pytest.fixture(scope="module")
def mirror() -> Iterator[Lone]:
    settings = {"MIRROR_NAME": "lone", "MIRROR_ARCHIVES__DEBIAN__COMMENT": "an origin", **SECRETS}
    with ExitStack() as stack:
        mirror = stack.enter_context(Lone(settings))
        mirror.wait_healthy()
        mirror.run("sh", "-c", FILES)
        mirror.run("mirrorctl", "publish", "debian", "--wait")
        mirror.wait_for(lambda node: node.archive("pulled")["error"], 60, "has tried its upstream that is nobody")
        yield mirror


def base(mirror: Lone) -> str:
    return f"http://127.0.0.1:{mirror.port(8080)}"


def get(mirror: Lone, path: str) -> tuple[int, str]:
    """Status and body for a path that no library has put in order first."""
    with socket.create_connection(("127.0.0.1", mirror.port(8080)), 60) as line:
        line.sendall(f"GET {path} HTTP/1.1\r\nHost: lone\r\nConnection: close\r\n\r\n".encode("latin-1"))
        answer = b"".join(iter(lambda: line.recv(1 << 16), b""))
    head, _, body = answer.decode("utf-8", "replace").partition("\r\n\r\n")
    return int(head.split()[1]) if head else 0, body


def rsync(mirror: Lone, *words: str, password: str = "") -> subprocess.CompletedProcess[str]:
    argv = ["rsync", "--timeout=120", "--port", str(mirror.port(8730)), *words]
    environment = {"PATH": "/usr/bin:/bin", "RSYNC_PASSWORD": password}
    return subprocess.run(argv, capture_output=True, text=True, env=environment, check=False)


@pytest.mark.parametrize(
    "path",
    [
        "/debian/../outside",
        "/debian/..%2foutside",
        "/debian/%2e%2e/outside",
        "/debian//..//..//etc/passwd",
        "/debian/leaves",
        "/debian/leaves-too",
        "/debian/fifo",
        "/outside",
        "/.staging/debian/file",
        "//.staging/debian/file",
        "/%2estaging/debian/file",
        "/debian/../.staging/debian/file",
        "/control/roots/debian",
        "//control/roots/debian",
        "/%63ontrol/roots/debian",
        "/debian/../control/roots/debian",
        "/control/../control/roots/debian",
        "/.inside",
        "/locked_journal/HEAD",
        "/debian/dists/file%00.txt",
        "/debian/dists/file%0d%0aX-Injected:%20yes",
        "/trigger/debian/" + "x" * 4000,
        "/../../../../etc/passwd",
        "http://lone/control/roots/debian",
    ],
)
def test_a_path_that_leads_out_is_answered_with_nothing(mirror: Lone, path: str) -> None:
    status, body = get(mirror, path)
    assert status in (0, 400, 403, 404, 414), body
    assert "outside" not in body
    assert "root:" not in body
    assert "X-Injected" not in body


def test_what_is_published_is_served(mirror: Lone) -> None:
    """Or the refusals above would prove nothing."""
    assert get(mirror, "/debian/dists/file") == (200, "published\n")


@pytest.mark.parametrize("method", ["PUT", "DELETE", "POST", "MKCOL", "TRACE", "CONNECT", "X" * 500])
def test_nothing_is_written_by_http(mirror: Lone, method: str) -> None:
    with socket.create_connection(("127.0.0.1", mirror.port(8080)), 60) as line:
        line.sendall(f"{method} /debian/dists/file HTTP/1.1\r\nHost: lone\r\nContent-Length: 4\r\n\r\nevil".encode())
        assert line.recv(4096).split()[1] in (b"400", b"405", b"403", b"404", b"501")
    assert mirror.run("cat", "/srv/mirror/debian/dists/file") == "published\n"


@pytest.mark.parametrize(
    "request_",
    [
        b"GET / HTTP/1.1\r\nHost: lone\r\nX: " + b"x" * 100_000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"".join(b"H%d: x\r\n" % n for n in range(5000)) + b"\r\n",
        b"POST /trigger HTTP/1.1\r\nHost: lone\r\nContent-Length: 99999999999\r\n\r\n",
        b"POST /trigger HTTP/1.1\r\nHost: lone\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\nGET",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 600,
        b"\0" * 20_000,
    ],
    ids=["a long header", "many headers", "a long body", "two lengths", "TLS", "zeros"],
)
def test_a_request_that_is_none_costs_nothing(mirror: Lone, request_: bytes) -> None:
    with socket.create_connection(("127.0.0.1", mirror.port(8080)), 60) as line:
        try:
            line.sendall(request_)
            answer = line.recv(4096)
        except (ConnectionResetError, BrokenPipeError):
            answer = b""
    assert not answer or answer.startswith((b"HTTP/1.1 4", b"HTTP/1.1 5"))
    assert b"roots" not in answer
    assert get(mirror, "/healthz")[0] == 200


def test_who_asks_slowly_keeps_nobody_waiting_and_is_hung_up_on(mirror: Lone) -> None:
    with ExitStack() as stack:
        lines = [stack.enter_context(socket.create_connection(("127.0.0.1", mirror.port(8080)))) for _ in range(500)]
        for line in lines:
            line.sendall(b"GET /debian/dists/file HTTP/1.1\r\nHost: lone\r\nX-Slow: ")
        # nginx waits a quarter of a minute for a header; without our word it would be a whole one.
        with Stopwatch() as hung_up:
            with Stopwatch() as answered:
                assert get(mirror, "/debian/dists/file") == (200, "published\n")
                assert get(mirror, "/healthz")[0] == 200
            for line in lines:
                line.settimeout(PATIENCE)
                assert b"published" not in line.recv(4096)
    assert answered.seconds < 14
    assert hung_up.seconds < 50


def test_a_storm_of_questions_is_bounded_for_who_sends_it(mirror: Lone) -> None:
    question = b"GET /api/v1/status HTTP/1.1\r\nHost: lone\r\nConnection: close\r\n\r\n"
    with ExitStack() as stack:
        lines = [
            stack.enter_context(socket.create_connection(("127.0.0.1", mirror.port(8080)), 120)) for _ in range(400)
        ]
        # Asked all at once, however slowly they are answered.
        for line in lines:
            line.sendall(question)
        answers = {line.recv(4096).split()[1] for line in lines}
    assert answers == {b"200", b"429"}
    assert get(mirror, "/debian/dists/file") == (200, "published\n")
    wait_for(lambda: get(mirror, "/healthz")[0] == 200, 60, "the client may ask again")


@pytest.mark.parametrize(
    "words",
    [
        ("/etc/hostname", "rsync://127.0.0.1/debian/evil"),
        ("-r", "--delete", "/var/empty/", "rsync://127.0.0.1/debian/"),
        ("-r", "--copy-links", "rsync://127.0.0.1/debian/", "/tmp/attack-target/"),
        ("-r", "--copy-unsafe-links", "rsync://127.0.0.1/debian/", "/tmp/attack-target/"),
        ("rsync://127.0.0.1/debian/../outside", "/tmp/attack-target/"),
        ("rsync://127.0.0.1/debian/leaves/", "/tmp/attack-target/"),
        ("rsync://127.0.0.1/../../etc/passwd", "/tmp/attack-target/"),
        ("rsync://127.0.0.1/.staging/", "/tmp/attack-target/"),
        ("rsync://127.0.0.1/locked/", "/tmp/attack-target/"),
        ("rsync://leaf@127.0.0.1/locked_journal/", "/tmp/attack-target/"),
    ],
    ids=" ".join,
)
def test_rsync_gives_and_takes_nothing_else(mirror: Lone, words: tuple[str, ...]) -> None:
    disk = mirror.run(*DISK)
    done = rsync(mirror, *words, password="guess")
    assert done.returncode != 0
    assert "outside" not in done.stdout
    assert mirror.run(*DISK) == disk


def test_only_archives_are_listed(mirror: Lone) -> None:
    listed = rsync(mirror, "rsync://127.0.0.1/").stdout
    assert sorted(line.split()[0] for line in listed.splitlines()) == ["debian", "locked", "pulled"]


def test_idle_connections_to_rsync_keep_nobody_waiting(mirror: Lone) -> None:
    with ExitStack() as stack:
        for _ in range(300):
            stack.enter_context(socket.create_connection(("127.0.0.1", mirror.port(8730))))
        with Stopwatch() as taken:
            assert rsync(mirror, "rsync://127.0.0.1/debian/dists/file").returncode == 0
        assert taken.seconds < 60, "it was waited for the idle ones"


def test_listeners_hear_at_once_and_are_bounded_for_who_opens_them(mirror: Lone) -> None:
    with ExitStack() as stack:
        client = stack.enter_context(httpx.Client(timeout=60, limits=httpx.Limits(max_connections=20)))

        def listen() -> httpx.Response:
            return stack.enter_context(client.stream("GET", f"{base(mirror)}/api/v1/events"))

        def accepted() -> httpx.Response | None:
            """Not before the client may ask again."""
            one = listen()
            if one.status_code == 200:
                return one
            one.close()
            return None

        heard = [wait_for(accepted, 60, "may listen") for _ in range(8)]
        assert [listen().status_code for _ in range(2)] == [429] * 2
        assert heard[0]
        lines = heard[0].iter_lines()
        assert next(lines) == "retry: 3000"
        with Stopwatch() as taken:
            mirror.run("mirrorctl", "publish", "debian", "--wait")
            assert next(line for line in lines if line.startswith("event:")) in ("event: change", "event: progress")
        assert taken.seconds < 60
    wait_for(lambda: get(mirror, "/healthz")[0] == 200, 60, "the client may ask again")


EVERYTHING: Final = """
for process in /proc/[0-9]*; do tr '\\0' ' ' <$process/cmdline; echo; done
mirrorctl config; mirrorctl config --json; mirrorctl status; mirrorctl status --json; mirrorctl keys
"""


SHOWN: Final = (
    "/",
    "/status/pulled",
    "/metrics",
    "/readyz",
    *(f"/api/v1/{name}" for name in ("status", "runs", "mirrors")),
)


def test_no_secret_is_seen_from_anywhere(mirror: Lone) -> None:
    # What is tried again by itself has to have failed three times, in up to a minute.
    mirror.wait_for(lambda node: "not notified" in node.logs(2000), 180, "has tried to tell somebody")
    wait_for(lambda: get(mirror, "/metrics")[0] == 200, 60, "the client may ask again")
    shown = {
        "processes and verbs": mirror.run("bash", "-c", EVERYTHING),
        "log": mirror.logs(5000),
        **{path: get(mirror, path)[1] for path in SHOWN},
    }
    assert {place for place, text in shown.items() if "SECRET-" in text} == set()
    assert all(shown.values())
