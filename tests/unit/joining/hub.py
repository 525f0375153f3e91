"""A small upstream for those who join: a door by HTTP that answers as scripted, and an rsync daemon with passwords."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from appliance.joining import secrets, statement
from appliance.joining.invitation import Invitation
from appliance.joining.statement import ANSWER, STATEMENT, Answer, Statement
from tests.unit.samples import HUB_KEY
from tests.unit.upstream import daemon

NAME = "leaf.example.org"


@dataclass
class Hub:
    """Who has invited one leaf. ``result`` is what it answers next; ``status`` of another kind, when it is not 200."""

    root: Path
    result: str = "welcome"
    says: str = ""
    status: int = 200
    port: int = 0
    rsync: int = 0
    closed: bool = True
    push_keys: tuple[str, ...] = (HUB_KEY,)
    secret: str = field(default_factory=secrets.fresh)
    users: dict[str, str] = field(default_factory=dict)
    heard: list[Statement] = field(default_factory=list)
    meddle: Callable[[Answer], Answer] = lambda answer: answer

    def __post_init__(self) -> None:
        self.token, self.nonce, self.generation = self.secret, "", 1
        self.passwords = self.root / "secrets"
        self.admit({})

    def admit(self, users: dict[str, str]) -> None:
        """Have the rsync daemon let these in, by user and password, and nobody else."""
        self.users = users
        self.passwords.write_text("".join(f"{user}:{word}\n" for user, word in users.items()) or "nobody:nothing\n")
        self.passwords.chmod(0o600)

    def offer(self, **changes: Any) -> Invitation:
        """What it has invited the leaf to."""
        facts = {
            "name": NAME,
            "upstream": "hub.example.org",
            "secret": self.token,
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
        """Its answer to a statement."""
        sealed = statement.read(STATEMENT, line)
        said = sealed.opened(Statement, self.secret)
        assert not self.heard or said.said_at > self.heard[-1].said_at
        self.heard.append(said)
        before = self.secret
        if said.wants != "news" and self.result == "welcome":
            self._take_in(said)
        user = NAME if self.generation == 1 else f"{NAME}_{self.generation}"
        answer = Answer(
            to=said.nonce, result=self.result, says=self.says, user=user, push_keys=self.push_keys, host_keys=()
        )
        return statement.sealed(ANSWER, NAME, self.meddle(answer), before)

    def _take_in(self, said: Statement) -> None:
        self.generation += said.wants == "renew"
        self.secret = secrets.heir(self.secret, said.nonce)
        user = NAME if self.generation == 1 else f"{NAME}_{self.generation}"
        self.admit({user: secrets.password(self.secret)})


@contextmanager
def hub(root: Path, tree: Path, closed: bool = True) -> Iterator[Hub]:
    """One that serves a tree as the module ``debian``: to everybody, or ``closed`` to those whom it has let in."""
    root.mkdir()
    found = Hub(root)

    class Door(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            line = self.rfile.read(int(self.headers["content-length"])).decode()
            said = found.hear(line).encode() if found.status == 200 else b"no\n"
            self.send_response(found.status)
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

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
