"""An HTTP server that notices are sent to, and that can be out of order."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Receiver:
    """What came, in order; with a ``status`` other than 200 it refuses everything, behind a shut ``gate`` it waits."""

    port: int = 0
    status: int = 200
    refused: int = 0
    came: list[dict[str, Any]] = field(default_factory=list)
    gate: threading.Event = field(default_factory=threading.Event)

    def take(self, body: bytes) -> int:
        """Returns the status of its answer: that of this moment, whatever it is when it may answer."""
        status = self.status
        if status == 200:
            self.came.append(json.loads(body))
        else:
            self.refused += 1
        return status


@contextmanager
def receiver() -> Iterator[Receiver]:
    """One on a port of this machine."""
    here = Receiver()
    here.gate.set()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            status = here.take(self.rfile.read(int(self.headers["content-length"])))
            here.gate.wait(120)
            self.send_response(status)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    here.port = server.server_address[1]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield here
    finally:
        server.shutdown()
        server.server_close()
