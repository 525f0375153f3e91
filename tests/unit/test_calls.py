"""Whom we call may be anybody by now: no answer of his keeps us, fills our memory, or holds up everybody else."""

from __future__ import annotations

import asyncio
import gzip
import socket
import ssl
import threading
import tracemalloc
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

import pytest

from appliance import calls
from appliance.joining import post
from appliance.joining.post import Unheard
from appliance.notices.channels import Webhook
from appliance.notices.message import Message
from appliance.tree import web

UNPACKED: Final = 64 << 20
BOMB: Final = gzip.compress(bytes(UNPACKED))
ENDLESS: Final = 1 << 40


class Hostile(BaseHTTPRequestHandler):
    """Answers with a body that never ends, or that grows when it is unpacked."""

    def _answer(self) -> None:
        status, length, body = {
            "/moved": (302, ENDLESS, b"x"),
            "/there": (202, ENDLESS, b"x"),
            "/packed": (200, len(BOMB), BOMB),
            "/packed-and-moved": (302, len(BOMB), BOMB),
        }[self.path]
        self.send_response(status)
        self.send_header("Location", "/there")
        self.send_header("Content-Length", str(length))
        if body is BOMB:
            self.send_header("Content-Encoding", "gzip")
        self.end_headers()
        self.wfile.write(body)
        self.rfile.read(1)  # until we are left

    do_GET = do_POST = _answer

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


@pytest.fixture
def site() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Hostile) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def taken() -> Iterator[None]:
    """A test in which no more memory is taken than an answer is worth."""
    tracemalloc.start()
    yield
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < UNPACKED / 4


@pytest.mark.usefixtures("taken")
@pytest.mark.parametrize("path", ["/moved", "/there", "/packed", "/packed-and-moved"])
def test_of_an_answer_to_a_trigger_nothing_but_the_status_is_read(site: str, path: str) -> None:
    assert asyncio.run(web.call(f"{site}{path}", "GET", 20)) == ""


@pytest.mark.usefixtures("taken")
@pytest.mark.parametrize("path", ["/there", "/packed"])
def test_of_an_answer_to_a_notice_nothing_but_the_status_is_read(
    site: str, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("appliance.notices.channels.DEADLINE", 20)
    assert asyncio.run(Webhook(f"{site}{path}").send(Message("mirror"))) == ""


@pytest.mark.usefixtures("taken")
def test_an_answer_to_who_joins_is_not_unpacked(site: str) -> None:
    with pytest.raises(Unheard, match="too long"):
        asyncio.run(post.hand_in(f"{site}/packed", "line", 20))


def test_a_dead_name_server_leaves_everybody_else_his_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    answered = threading.Event()

    def look(*place: object, **more: object) -> None:
        answered.wait(60)
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    async def scene() -> set[str]:
        telling = [asyncio.create_task(web.call("http://leaf.invalid/", "GET")) for _ in range(40)]
        await asyncio.sleep(0.2)
        try:
            async with asyncio.timeout(10):
                await asyncio.to_thread(answered.is_set)
        finally:
            answered.set()
        return set(await asyncio.gather(*telling))

    monkeypatch.setattr(socket, "getaddrinfo", look)
    (trouble,) = asyncio.run(scene())
    assert trouble.startswith("leaf.invalid not reachable: no address for leaf.invalid: ")


def test_the_authorities_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[object] = []
    made = ssl.create_default_context

    def reading(*of: Any, **more: Any) -> ssl.SSLContext:
        read.append(more)
        return made(*of, **more)

    monkeypatch.setattr(ssl, "create_default_context", reading)
    calls._authorities.cache_clear()
    for _ in range(3):
        asyncio.run(calls.client().aclose())
    assert len(read) == 1
