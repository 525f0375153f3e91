"""A small upstream for those who join: our own ear behind a door by HTTP, and an rsync daemon with passwords."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from appliance.joining import hearing, secrets, statement
from appliance.joining.claims import Ours
from appliance.joining.hearing import Stranger
from appliance.joining.invitation import Invitation
from appliance.joining.member import passwords
from appliance.joining.statement import STATEMENT
from appliance.records import Member
from tests.unit.samples import HUB_KEY
from tests.unit.upstream import daemon

NAME = "leaf.example.org"


@dataclass
class Hub:
    """Who has invited one leaf. ``status``: how its door ends, when it is not 200; ``is_lost``: behind having heard.

    ``old``: the answer that it gives instead of its own.
    """

    root: Path
    status: int = 200
    is_lost: bool = False
    old: str = ""
    port: int = 0
    rsync: int = 0
    ours: Ours = field(default=Ours((HUB_KEY,), (), ("debian",)))
    answers: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        now = time.time()
        self.member = Member(NAME, "invited", secrets.fresh(), ("debian",), now, now + 3600)
        self.passwords = self.root / "secrets"
        self.change()

    def change(self, **changes: Any) -> None:
        """Have the member changed, and let in by rsync who is a member now, and nobody else."""
        self.member = replace(self.member, **changes)
        lines = "".join(f"{user}:{word}\n" for user, word in passwords(self.member, time.time()).items())
        scratch = self.root / "new"
        scratch.write_text(lines or "nobody:nothing\n")
        scratch.chmod(0o600)
        scratch.replace(self.passwords)

    @property
    def secrets(self) -> tuple[str, ...]:
        """What nobody else may ever see."""
        known = self.member
        return (known.token, *([known.secret, secrets.password(known.secret)] if known.secret else []))

    def offer(self, **changes: Any) -> Invitation:
        """What it has invited the leaf to."""
        facts = {
            "name": NAME,
            "upstream": "hub.example.org",
            "secret": self.member.token,
            "expires_at": int(time.time()) + 3600,
            "callback": f"http://127.0.0.1:{self.port}/join",
            "rsync": f"rsync://127.0.0.1:{self.rsync}",
            "push_keys": (HUB_KEY,),
            "host_keys": (),
            "archives": {"debian": "generic"},
        }
        return Invitation.model_validate(facts | changes)

    def paste(self, line: str) -> None:
        """What its operator would do with a line that somebody shows him."""
        self.hear(line.removeprefix("mirrorctl admit "))

    def hear(self, line: str) -> str:
        """Its answer to a statement. Raises Stranger."""
        heard = hearing.hear(self.member, statement.read(STATEMENT, line), self.ours, time.time())
        self.member = heard.member
        self.change()
        self.answers.append(heard.line)
        return self.old or heard.line

    def answer(self, line: str) -> tuple[int, str]:
        """What comes through its door."""
        if self.status != 200:
            return self.status, ""
        try:
            text = self.hear(line)
        except Stranger:
            return 403, ""
        return (502, "") if self.is_lost else (200, text)


@contextmanager
def hub(root: Path, tree: Path, closed: bool = True) -> Iterator[Hub]:
    """One that serves a tree as the module ``debian``: to everybody, or ``closed`` to those whom it has let in."""
    root.mkdir()
    found = Hub(root)

    class Door(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            line = self.rfile.read(int(self.headers["content-length"])).decode()
            status, text = found.answer(line)
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: object) -> None:
            pass

    lines = f"auth users = *\nsecrets file = {found.passwords}\n" if closed else ""
    with ThreadingHTTPServer(("127.0.0.1", 0), Door) as server, daemon(root, {"debian": tree}, lines) as port:
        found.port, found.rsync = server.server_address[1], port
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        try:
            yield found
        finally:
            server.shutdown()
