"""A mirror as its users see it, by HTTP."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any, Final

from tests.bench.archive import SUITE, TRACES

ARCHIVE: Final = "bench"
PORT: Final = 8080
PATIENCE: Final = 5.0
"""Seconds: a mirror that is frozen must not freeze who looks at it."""


@dataclass(frozen=True, slots=True)
class Web:
    """The web server at an address."""

    host: str

    def get(self, path: str) -> bytes | None:
        """What is at a path below the top; None when there is nothing or nobody."""
        try:
            with urllib.request.urlopen(f"http://{self.host}:{PORT}/{path}", timeout=PATIENCE) as answer:
                return bytes(answer.read())
        except (OSError, HTTPException):
            return None

    def post(self, path: str) -> int:
        """The status of the answer to an order, 0 without one."""
        try:
            with urllib.request.urlopen(f"http://{self.host}:{PORT}/{path}", b"", PATIENCE) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code
        except (OSError, HTTPException):
            return 0

    def release(self) -> bytes | None:
        """Where readers begin."""
        return self.get(f"{ARCHIVE}/{SUITE}/InRelease")

    def serial(self, name: str) -> str:
        """What the trace of a mirror of this name carries here; empty without one."""
        text = (self.get(f"{ARCHIVE}/{TRACES}/{name}") or b"").decode(errors="replace")
        return next((line.split()[-1] for line in text.splitlines() if line.startswith("Archive serial:")), "")

    def status(self) -> dict[str, Any]:
        """One of ours says what it does; empty while it does not."""
        return dict(json.loads(self.get("api/v1/status") or b"{}"))
