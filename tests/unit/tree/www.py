"""Mirrors with nothing but files: directories behind a real HTTP server."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

Answer = Callable[[SimpleHTTPRequestHandler], None]


@dataclass
class Www:
    """A server on a port of this machine; ``answers`` by path come before files, ``asked`` is what was asked for."""

    port: int
    answers: dict[str, Answer] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def say(self, path: str, text: str, **headers: str) -> None:
        """Answer a path with a text."""
        self.answers[path] = partial(_say, text=text.encode(), status=200, headers=headers)

    def redirect(self, path: str, location: str) -> None:
        """Send who asks for a path to another place."""
        self.answers[path] = partial(_say, text=b"", status=302, headers={"Location": location})

    def fail(self, path: str, status: int) -> None:
        """Answer a path with a status."""
        self.answers[path] = partial(_say, text=b"", status=status, headers={})


def _say(handler: SimpleHTTPRequestHandler, text: bytes, status: int, headers: dict[str, str]) -> None:
    handler.send_response(status)
    for name, value in {"Content-Length": str(len(text)), **headers}.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    handler.wfile.write(text)


class _Server(ThreadingHTTPServer):
    request_queue_size = 256
    daemon_threads = True


@contextmanager
def www(root: Path) -> Iterator[Www]:
    """Serve a directory; its files have tags made of size and second, as nginx makes them."""

    class Handler(SimpleHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            served.asked.append(self.path)
            if answer := served.answers.get(self.path):
                answer(self)
            elif (tag := self._tag()) and self.headers.get("If-None-Match") == tag:
                _say(self, b"", 304, {})
            else:
                super().do_GET()

        def end_headers(self) -> None:
            if tag := self._tag():
                self.send_header("ETag", tag)
            super().end_headers()

        def _tag(self) -> str | None:
            file = root / self.path.lstrip("/")
            return f'"{int(file.stat().st_mtime):x}-{file.stat().st_size:x}"' if file.is_file() else None

        def log_message(self, format: str, *args: object) -> None:
            """Nobody reads it."""

    server = _Server(("127.0.0.1", 0), partial(Handler, directory=str(root)))
    served = Www(server.server_address[1])
    serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    serving.start()
    try:
        yield served
    finally:
        server.shutdown()
        server.server_close()
