from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from appliance.container import health
from appliance.places import Places
from tests.unit.certificates import certificate, tls_front


@contextmanager
def speaker(says: bytes) -> Iterator[int]:
    """A server that says one thing to whoever comes first."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                connection.sendall(says)
                connection.recv(1024)

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        yield server.getsockname()[1]


def test_all_is_well() -> None:
    with speaker(b"SSH-2.0-x\r\n") as sshd, speaker(b"@RSYNCD: 32.0\n") as rsyncd, speaker(b"HTTP/1.1 200 OK") as http:
        assert health.check(sshd, rsyncd, http) == {}


def test_behind_tls_the_daemon_itself_answers(tmp_path: Path) -> None:
    pair = certificate(tmp_path, "DNS:localhost")
    with (
        speaker(b"SSH-2.0-x\r\n") as sshd,
        speaker(b"@RSYNCD: 32.0\n") as rsyncd,
        speaker(b"HTTP/1.1 200 OK") as http,
        speaker(b"@RSYNCD: 32.0\n") as behind,
        tls_front(pair, behind) as tls,
    ):
        assert health.check(sshd, rsyncd, http, tls) == {}


def test_a_tls_port_without_tls_is_found_out() -> None:
    with (
        speaker(b"SSH-2.0-x\r\n") as sshd,
        speaker(b"@RSYNCD: 32.0\n") as rsyncd,
        speaker(b"HTTP/1.1 200 OK") as http,
        speaker(b"@RSYNCD: 32.0\n") as tls,
    ):
        assert set(health.check(sshd, rsyncd, http, tls)) == {"nginx and rsyncd-tls"}


def test_the_mark_is_the_rendered_file() -> None:
    assert os.fspath(Places().rsyncd_tls_conf) == health.TLS_MARK


def test_whoever_does_not_answer_is_named() -> None:
    with speaker(b"SSH-2.0-x\r\n") as sshd, speaker(b"Go away\n") as rsyncd, speaker(b"HTTP/1.1 503 No") as http:
        found = health.check(sshd, rsyncd, http)
    assert set(found) == {"rsyncd", "nginx and controller"}
    assert "Go away" in found["rsyncd"]


def test_nobody_there(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def refuse(*arguments: object) -> None:
        raise ConnectionRefusedError(111, "Connection refused")

    monkeypatch.setattr(socket, "create_connection", refuse)
    assert health.main() == 1
    assert capsys.readouterr().err.count("Connection refused") == 3
