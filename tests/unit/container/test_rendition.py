from __future__ import annotations

import json

import pytest

from appliance.container.rendition import Rendition

NGINX = b"2026/11/21 16:43:00 [%s] 12#12: *1 open() failed\n"
RSYNCD = b"2026/11/21 16:43:00 [77] %s\n"


def said(raw: bytes, least: str = "info") -> dict[str, str]:
    """What becomes of one line; empty when it is not told."""
    lines = list(Rendition("json", least).lines(raw))
    assert all(line.endswith(b"\n") for line in lines)
    return dict(json.loads(lines[0])) if lines else {}


@pytest.mark.parametrize(
    ("raw", "program", "level", "event"),
    [
        (NGINX % b"error", "nginx", "warning", "*1 open() failed"),
        (NGINX % b"notice", "nginx", "info", "*1 open() failed"),
        (
            RSYNCD % b"rsync on debian/ from leaf (192.0.2.1)",
            "rsyncd",
            "info",
            "rsync on debian/ from leaf (192.0.2.1)",
        ),
        (RSYNCD % b"auth failed on module debian", "rsyncd", "warning", "auth failed on module debian"),
        (b"Accepted publickey for mirror\r\n", "sshd", "info", "Accepted publickey for mirror"),
        (
            b"2026-11-21 16:43:00,563 WARN stopped: nginx (exit status 0)\n",
            "supervisord",
            "info",
            "stopped: nginx (exit status 0)",
        ),
        (b"2026-11-21 16:43:00,563 CRIT no room\n", "supervisord", "warning", "no room"),
        (b"error: kex_exchange\x1b[2J\r\n", "sshd", "warning", "error: kex_exchange\\x1b[2J"),
    ],
)
def test_who_says_what(raw: bytes, program: str, level: str, event: str) -> None:
    line = said(raw)
    assert (line["program"], line["level"], line["event"]) == (program, level, event)


def test_our_own_words_about_a_process_that_died_are_a_warning_of_nobody() -> None:
    line = said(b"core process sshd ended: the container stops\n")
    assert (line["level"], "program" in line) == ("warning", False)


@pytest.mark.parametrize(
    "raw", [b"2026-11-21T16:43:00Z info    run starts run=1\n", b'{"time": "2026", "event": "x"}\n']
)
def test_the_controllers_lines_pass_as_they_are(raw: bytes) -> None:
    assert list(Rendition("json", "warning").lines(raw)) == [raw]


@pytest.mark.parametrize("raw", [RSYNCD % b"building file list", b"\r\n", b""])
def test_noise_is_not_told(raw: bytes) -> None:
    assert not said(raw)


def test_the_level_holds_for_others_too() -> None:
    assert not said(RSYNCD % b"rsync on debian/", "warning")
    assert said(NGINX % b"crit", "warning")


def test_lines_for_people_are_one_line_whatever_is_in_them() -> None:
    (line,) = Rendition("human", "info").lines(b"\xff\x07 got in\r\n")
    assert line.decode().endswith(r" info    \xff\x07 got in program=sshd" + "\n")
