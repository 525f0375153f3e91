"""What sshd, rsyncd, nginx and supervisord write, each in its own form, as lines of our log.

The controller's lines are in form already and pass as they are. Who speaks is known by the form: nginx, rsyncd and
supervisord put a date of their own in front, sshd ends its lines as a terminal would (log.c: ``\\r\\n`` with ``-e``).
Standard library only, as the keeper.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from typing import Final

from appliance.lines import form

_OURS: Final = re.compile(rb'(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ (debug|info|warning|error) |\{"time": ")')
_NGINX: Final = re.compile(r"\d{4}/\d\d/\d\d \d\d:\d\d:\d\d \[(?P<level>\w+)\] \d+#\d+: (?P<said>.*)", re.DOTALL)
_RSYNCD: Final = re.compile(r"\d{4}/\d\d/\d\d \d\d:\d\d:\d\d \[(?P<pid>\d+)\] (?P<said>.*)", re.DOTALL)
_SUPERVISORD: Final = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} (?P<level>[A-Z]{4}) (?P<said>.*)", re.DOTALL)

_LESS: Final = frozenset({"debug", "info", "notice"})
"""nginx's levels that are no trouble."""

_TROUBLE: Final = re.compile(r"(error|fatal): |rsync error|rsync: |auth failed|denied|core process ", re.IGNORECASE)
_NOISE: Final = "building file list"
"""rsyncd says so of every transfer, beside the line that says who fetches what."""


class Rendition:
    """The lines of other programs, in the form and down to the level that the operator wants."""

    def __init__(self, format: str, least: str) -> None:
        self._form = form(format)
        self._only_trouble = least == "warning"

    def lines(self, raw: bytes) -> Iterator[bytes]:
        """One line, with its newline, as it shall be written; nothing for what is no news."""
        if not raw.strip():
            return
        if _OURS.match(raw):
            yield raw
            return
        program, level, said = _heard(raw.decode("utf-8", "surrogateescape"))
        if said != _NOISE and not (self._only_trouble and level == "info"):
            facts = {"program": program} if program else {}
            line = self._form(time.time(), level, said, facts)
            yield line.encode("utf-8", "backslashreplace") + b"\n"


def _heard(text: str) -> tuple[str, str, str]:
    """Who said it, how bad it is, and what."""
    line = text.rstrip("\n")
    if told := _NGINX.fullmatch(line):
        return "nginx", "info" if told["level"] in _LESS else "warning", told["said"]
    if told := _RSYNCD.fullmatch(line):
        return "rsyncd", _level(told["said"]), told["said"]
    if told := _SUPERVISORD.fullmatch(line):
        # It warns of every orderly stop.
        return "supervisord", "warning" if told["level"] in ("ERRO", "CRIT") else _level(told["said"]), told["said"]
    program = "sshd" if line.endswith("\r") else ""
    return program, _level(line), line.rstrip("\r")


def _level(said: str) -> str:
    return "warning" if _TROUBLE.search(said) else "info"
