from __future__ import annotations

import asyncio
import socket
import struct
import threading

import pytest

from appliance import commands
from appliance.commands import Outcome
from appliance.tree import tell
from appliance.tree.kept import UNREACHABLE


@pytest.mark.parametrize(
    ("code", "stderr", "words"),
    [
        (255, "No ED25519 host key is known for [leaf]:2222\nHost key verification failed.", "not known here; put"),
        (255, "Host key for leaf has changed and you have requested strict checking.", "has changed; ask"),
        (255, "Connection timed out during banner exchange", "never says a word"),
        (255, "mirror@leaf: Permission denied (publickey).", "mirrorctl keys"),
        (255, "ssh: connect to host leaf port 22: Connection refused", "not reachable: ssh: connect"),
        (255, "", "broke off"),
        (0, "a banner", ""),
        (124, "", "no end after 5 s"),
        (78, "no archive 'x'", "does not carry"),
        (1, "lock file still exists", "busy"),
        (4, "", "its sync failed with exit 4"),
    ],
)
def test_reason(code: int, stderr: str, words: str) -> None:
    assert words in tell.reason(Outcome(("ssh",), code, "", stderr, 5))


@pytest.mark.parametrize("linger", [b"", struct.pack("ii", 1, 0)])
def test_who_hangs_up_before_a_word_is_told_with_the_cure(linger: bytes) -> None:
    """By an orderly end, or a reset, as a real ssh tells it."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def hang_up() -> None:
            line = server.accept()[0]
            line.recv(100)
            if linger:
                line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            line.close()

        thread = threading.Thread(target=hang_up)
        thread.start()
        argv = ["ssh", "-F", "none", "-o", "BatchMode=yes", "-p", str(server.getsockname()[1]), "m@127.0.0.1", "true"]
        outcome = asyncio.run(commands.run(argv, deadline=60, env={"HOME": "/nonexistent"}))
        thread.join()
    said = tell.reason(outcome)
    assert "too many connections" in said
    assert "tried again by itself" in said
    assert outcome.code == UNREACHABLE


@pytest.mark.parametrize(
    ("said", "serial", "site"),
    [
        ("serial 2026112101", "2026112101", ""),
        ("serial 2026112101 https://leaf.example.net/debian/", "2026112101", "https://leaf.example.net/debian"),
        (
            "a banner\r\nserial 1\r\nserial 2 http://[2001:db8::1]:8080/debian\r\n",
            "2",
            "http://[2001:db8::1]:8080/debian",
        ),
        ("serial 2026112101 rsync://leaf/debian", "2026112101", ""),
        ("serial 2026112101 https://user:password@leaf/", "2026112101", ""),
        ("serial 2026112101 https://leaf/?q", "2026112101", ""),
        ("serial 2026112101 https://leaf/x#", "2026112101", ""),
        ("serial 2026112101 http://127.0.0.1:8080/control/members?", "2026112101", ""),
        ("serial 2026112101 http://127.0.0.1:8080/debian", "2026112101", ""),
        ("serial 2026112101 http://[::1]/debian", "2026112101", ""),
        ("serial 2026112101 http://169.254.169.254/latest", "2026112101", ""),
        ("serial 2026112101 javascript:alert(1)", "2026112101", ""),
        ("serial 2026112101 https://leaf/ and more", None, ""),
        ("serial one", None, ""),
    ],
)
def test_what_is_said_behind_the_end(said: str, serial: str | None, site: str) -> None:
    assert tell.carried(said, "leaf") == (serial, site)


def test_who_is_told_on_this_machine_may_be_found_here() -> None:
    said = "serial 2026112101 http://127.0.0.1:8080/debian"
    assert tell.carried(said, "localhost") == ("2026112101", "http://127.0.0.1:8080/debian")
