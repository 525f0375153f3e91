from __future__ import annotations

import asyncio
import base64
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import pytest

from appliance.tree import web


class Mirror(BaseHTTPRequestHandler):
    """A downstream that notes how it was called."""

    calls: ClassVar[list[tuple[str, str, str]]] = []

    def _answer(self) -> None:
        self.calls.append((self.command, self.path, self.headers.get("Authorization", "")))
        self.send_response({"/ok": 202, "/moved": 302, "/secret": 401, "/broken": 500}[self.path])
        self.send_header("Location", "/ok")
        self.end_headers()

    do_GET = do_POST = _answer

    def do_HEAD(self) -> None:
        """Never ends."""
        self.send_response(200)
        while True:
            self.send_header("X-More", "to come")
            self.flush_headers()
            time.sleep(0.02)

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


@pytest.fixture
def port() -> Iterator[int]:
    Mirror.calls.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), Mirror) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


def call(url: str, method: str = "GET") -> str:
    return asyncio.run(web.call(url, method))


def test_credentials_in_the_url_become_basic_authentication(port: int) -> None:
    assert call(f"http://archive:long-random@127.0.0.1:{port}/ok", "POST") == ""
    ((method, path, authorization),) = Mirror.calls
    assert (method, path) == ("POST", "/ok")
    assert base64.b64decode(authorization.removeprefix("Basic ")) == b"archive:long-random"


def test_a_redirect_is_followed(port: int) -> None:
    assert call(f"http://127.0.0.1:{port}/moved") == ""


def test_who_never_ends_is_left_at_the_deadline(port: int) -> None:
    started = time.monotonic()
    trouble = asyncio.run(web.call(f"http://archive:hunter2@127.0.0.1:{port}/ok", "HEAD", 0.5))
    assert trouble == "127.0.0.1 does not answer: no end after 0.5 s; see whether its HTTP server is well"
    assert time.monotonic() - started < 60


def test_troubles_name_the_host_and_keep_the_secret(port: int) -> None:
    refused = call(f"http://archive:hunter2@127.0.0.1:{port}/secret")
    broken = call(f"http://archive:hunter2@127.0.0.1:{port}/broken")
    away = call("http://archive:hunter2@127.0.0.1:1/ok")
    no_url = call("http://archive:hunter2@127.0.0.1:99999999/ok")
    assert "check the credentials" in refused
    assert "nobody can be called" in no_url
    assert "500" in broken
    assert "not reachable" in away
    assert all("127.0.0.1" in text and "hunter2" not in text for text in (refused, broken, away, no_url))
