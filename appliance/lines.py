"""The form of a log line, for people or as JSON: one line, and nothing in it that does something to a terminal.

Standard library only, few imports: the process that keeps the container alive has it in memory for ever.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from typing import Any

Form = Callable[[float, str, str, Mapping[str, Any]], str]
"""Epoch seconds, level, event and facts, as a line without its newline."""


def clean(text: str) -> str:
    """The text on one line, with control characters and broken UTF-8 made visible: logs and terminals are shared."""
    return visible(text.replace("\n", " | ").strip(" |"))


def visible(text: str) -> str:
    r"""The text with control characters and broken UTF-8 escaped: ``\t``, ``\x1b``, ``\xe9`` for a byte of no UTF-8."""
    return "".join(character if character.isprintable() else _escaped(character) for character in text)


def _escaped(character: str) -> str:
    if "\udc80" <= character <= "\udcff":
        return f"\\x{ord(character) - 0xDC00:02x}"
    return repr(character)[1:-1]


def human(when: float, level: str, event: str, facts: Mapping[str, Any]) -> str:
    """For people: time (UTC), level, event, then the facts."""
    told = "".join(f" {key}={clean(str(value))}" for key, value in facts.items())
    return f"{_utc(when)} {level:7} {clean(event)}{told}"


def machine(when: float, level: str, event: str, facts: Mapping[str, Any]) -> str:
    """For programs: the same as one JSON object, facts beside time, level and event."""
    line = {"time": _utc(when), "level": level, "event": clean(event)}
    line |= {key: clean(value) if isinstance(value, str) else value for key, value in facts.items()}
    return json.dumps(line)


def form(name: str) -> Form:
    """What ``MIRROR_LOG_FORMAT`` means: ``json``, or for people."""
    return machine if name == "json" else human


def _utc(when: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(when))
