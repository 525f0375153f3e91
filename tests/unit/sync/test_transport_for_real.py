"""rsync on its ways to a daemon, for real, and what is said when a way is closed."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from appliance.commands import Verdict
from appliance.errors import SyncError
from appliance.sync import comparison, plan, transport
from appliance.sync.profile import Profile
from appliance.sync.source import Source
from appliance.sync.transport import Transport
from tests.unit.certificates import Pair, certificate, tls_front
from tests.unit.upstream import daemon, free_port


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    return certificate(tmp_path_factory.mktemp("tls"), "DNS:localhost")


@pytest.fixture
def rsyncd(tmp_path: Path) -> Iterator[int]:
    (tmp_path / "upstream/pool").mkdir(parents=True)
    (tmp_path / "upstream/pool/a").write_text("payload")
    with daemon(tmp_path, {"debian": tmp_path / "upstream"}) as port:
        yield port


@pytest.fixture
def front(pair: Pair, rsyncd: int) -> Iterator[int]:
    with tls_front(pair, rsyncd) as port:
        yield port


def by_tls(port: int, authorities: Path, host: str = "localhost") -> Transport:
    return transport.tls(f"rsync://{host}/debian", host, port, authorities)


def walk(way: Transport, tree: Path, timeout: int = 120) -> plan.Plan:
    """What a run does first."""
    tree.mkdir(exist_ok=True)
    return asyncio.run(
        comparison.walk(Source(way, "leaf", "MIRROR_ARCHIVES__X", timeout=timeout), tree, Profile("generic"))
    )


def refused(way: Transport, tree: Path, timeout: int = 120) -> SyncError:
    with pytest.raises(SyncError) as caught:
        walk(way, tree, timeout)
    return caught.value


def test_a_daemon_behind_tls(front: int, pair: Pair, tmp_path: Path) -> None:
    found = walk(by_tls(front, pair.cert), tmp_path / "tree")
    assert [change.path for change in (*found.payload, *found.index) if not change.directory] == ["pool/a"]


def test_a_certificate_of_another_host_is_refused_at_once(front: int, pair: Pair, tmp_path: Path) -> None:
    started = time.monotonic()
    error = refused(by_tls(front, pair.cert, host="127.0.0.1"), tmp_path / "tree")
    assert time.monotonic() - started < 60, "it was waited for bytes"
    assert "its TLS certificate is refused: IP address mismatch" in error.fact
    assert "MIRROR_ARCHIVES__X__TLS_CA" in error.cure
    assert error.verdict is Verdict.REFUSED


def test_an_unknown_authority_is_refused(front: int, tmp_path: Path) -> None:
    other = certificate(tmp_path / "other", "DNS:localhost")
    error = refused(by_tls(front, other.cert), tmp_path / "tree")
    assert "its TLS certificate is refused: self-signed certificate" in error.fact.replace("self signed", "self-signed")
    assert "MIRROR_ARCHIVES__X__TLS_CA" in error.cure


def test_nobody_there(pair: Pair, tmp_path: Path) -> None:
    error = refused(by_tls(free_port(), pair.cert), tmp_path / "tree")
    assert "Connection refused" in error.fact
    assert error.verdict is Verdict.NETWORK


def test_a_daemon_without_tls(rsyncd: int, pair: Pair, tmp_path: Path) -> None:
    assert "wrong version number" in refused(by_tls(rsyncd, pair.cert), tmp_path / "tree").fact


def test_whoever_accepts_and_never_answers_is_left(pair: Pair, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        error = refused(by_tls(silent.getsockname()[1], pair.cert), tmp_path / "tree", timeout=1)
    assert "no byte came for 1 s" in error.fact
    assert error.verdict is Verdict.NETWORK


@contextmanager
def proxy(says: bytes, behind: int = 0) -> Iterator[tuple[str, list[str]]]:
    """A proxy that says this to every CONNECT, and then leads to a port of this machine; its address, what it heard."""
    heard: list[str] = []

    def serve() -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=answer, args=(server.accept()[0],), daemon=True).start()

    def answer(line: socket.socket) -> None:
        with suppress(OSError), line:
            heard.append(line.recv(1 << 16).decode().splitlines()[0])
            line.sendall(says)
            if behind:
                with socket.create_connection(("127.0.0.1", behind)) as daemon:
                    threading.Thread(target=copy, args=(line, daemon), daemon=True).start()
                    copy(daemon, line)
            elif not says:
                line.recv(1)

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=serve, daemon=True).start()
        yield f"127.0.0.1:{server.getsockname()[1]}", heard
        server.shutdown(socket.SHUT_RDWR)


def copy(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(1 << 16):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


def through(proxy: str, timeout: int = 60) -> Transport:
    return transport.proxied("rsync://hub:8730/debian", "hub", 8730, proxy, timeout=timeout)


def test_through_a_proxy(rsyncd: int, tmp_path: Path) -> None:
    with proxy(b"HTTP/1.1 200 OK\r\nVia: x\r\n\r\n", rsyncd) as (address, heard):
        found = walk(through(address), tmp_path / "tree")
    assert [change.path for change in (*found.payload, *found.index) if not change.directory] == ["pool/a"]
    assert heard == ["CONNECT hub:8730 HTTP/1.0"]


@pytest.mark.parametrize(
    ("says", "fact"),
    [
        (b"HTTP/1.1 403 Forbidden\r\n\r\n", "answers HTTP/1.1 403 Forbidden"),
        (b"HTTP/1.1 200 OK\r\n", "hangs up instead of an answer"),
        (b"x" * 100_000, "hangs up instead of an answer"),
        (b"", "timed out"),
    ],
    ids=["forbids", "half", "much", "silent"],
)
def test_a_proxy_that_does_not_let_us_through(says: bytes, fact: str, tmp_path: Path) -> None:
    with proxy(says) as (address, _):
        error = refused(through(address, 60 if says else 1), tmp_path / "tree")
    assert f"rsync://hub:8730/debian through the proxy {address}: " in error.fact
    assert fact in error.fact
    assert "MIRROR_ARCHIVES__X__PROXY" in error.cure
    assert error.verdict is Verdict.NETWORK


def test_nobody_at_the_proxys_place(tmp_path: Path) -> None:
    assert "Connection refused" in refused(through(f"127.0.0.1:{free_port()}"), tmp_path / "tree").fact


def test_a_daemon_at_the_end_of_a_connection(rsyncd: int, tmp_path: Path) -> None:
    """The remote shell of the test forgets the host and starts the daemon's protocol, as ssh's forced command does."""
    config = next(tmp_path.glob("rsyncd-*.conf"))
    way = transport.ssh("mirror@hub::debian", ["sh", "-c", f"exec rsync --server --daemon --config={config} ."])
    found = walk(way, tmp_path / "tree")
    assert [change.path for change in (*found.payload, *found.index) if not change.directory] == ["pool/a"]


@pytest.mark.parametrize(
    ("said", "fact", "cure"),
    [
        ("Host key verification failed.", "not known here", "check the upstream's line in MIRROR_KNOWN_HOSTS"),
        (
            "Host key for hub has changed and you have requested strict checking.",
            "its host key has changed",
            "replace the upstream's line in MIRROR_KNOWN_HOSTS",
        ),
        ("mirror@hub: Permission denied (publickey).", "Permission denied (publickey)", "mirrorctl keys"),
    ],
)
def test_an_ssh_that_is_refused_names_the_cure(tmp_path: Path, said: str, fact: str, cure: str) -> None:
    way = transport.ssh("mirror@hub::debian", ["sh", "-c", f"echo '{said}' >&2; exit 255"])
    error = refused(way, tmp_path / "tree")
    assert fact in error.fact
    assert cure in error.cure
    assert error.verdict is Verdict.REFUSED


@pytest.mark.parametrize(
    ("stderr", "said"),
    [
        ("", ""),
        ("rsync: connection unexpectedly closed", ""),
        ("depth=0 CN=x\nverify error:num=10:certificate has expired\n", "refused: certificate has expired"),
        (
            "40C7:error:10080002:BIO routines:BIO_lookup_ex:system lib:../crypto/bio/bio_addr.c:767:Name or service",
            "Name or service",
        ),
        (
            "40C7:error:8000006F:system library:BIO_connect:Connection refused:../bio_sock2.c:183:calling connect()",
            "Connection refused",
        ),
    ],
)
def test_what_openssl_said(stderr: str, said: str) -> None:
    assert transport.openssl_said(stderr).endswith(said)
    assert bool(transport.openssl_said(stderr)) == bool(said)


def test_a_proxy_is_asked_for_tls_too(pair: Pair) -> None:
    way = transport.tls("rsync://hub/debian", "hub", 1873, pair.cert, proxy="proxy:3128")
    assert "-proxy proxy:3128 -connect hub:1873" in way.environment["RSYNC_CONNECT_PROG"]
