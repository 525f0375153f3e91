"""One line per event that matters, to standard output, for people or as JSON."""

from __future__ import annotations

import json
import logging
import sys
import time
from collections import defaultdict, deque
from typing import Any, Final

_LOGGER: Final = logging.getLogger("push-mirror")

KEPT: Final = 20
"""Lines of each archive that are remembered."""


def start(format: str, level: str) -> None:
    """Log to standard output from now on, as ``human`` or ``json`` lines."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(_Json() if format == "json" else _Human())
    _LOGGER.handlers[:] = [handler, _RECENT]
    _LOGGER.setLevel(level.upper())
    _LOGGER.propagate = False


def last_lines(archive: str) -> list[str]:
    """The last lines about one archive, as people read them, the oldest first; nothing from an earlier life."""
    return list(_RECENT.lines[archive])


def event(message: str, **facts: Any) -> None:
    """Tell what happened; ``facts`` name the archive, the run and so on. Facts that are None are left out."""
    _LOGGER.info(message, extra={"facts": facts})


def trouble(message: str, **facts: Any) -> None:
    """Tell what went wrong."""
    _LOGGER.warning(message, extra={"facts": facts})


def fault(message: str, **facts: Any) -> None:
    """Tell of an exception that nobody expected, with its traceback."""
    _LOGGER.exception(message, extra={"facts": facts})


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


def _facts(record: logging.LogRecord) -> dict[str, Any]:
    facts: dict[str, Any] = getattr(record, "facts", {})
    return {key: value for key, value in facts.items() if value is not None}


def _when(record: logging.LogRecord) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(record.created))


class _Human(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        facts = "".join(f" {key}={clean(str(value))}" for key, value in _facts(record).items())
        trace = f" {clean(self.formatException(record.exc_info))}" if record.exc_info else ""
        return f"{_when(record)} {record.levelname.lower():7} {clean(record.getMessage())}{facts}{trace}"


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {"time": _when(record), "level": record.levelname.lower(), "event": clean(record.getMessage())}
        line |= {key: clean(value) if isinstance(value, str) else value for key, value in _facts(record).items()}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line)


class _Recent(logging.Handler):
    """Keeps a few lines of each archive."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(_Human())
        self.lines: defaultdict[str, deque[str]] = defaultdict(lambda: deque(maxlen=KEPT))

    def emit(self, record: logging.LogRecord) -> None:
        if archive := _facts(record).get("archive"):
            self.lines[str(archive)].append(self.format(record))


_RECENT: Final = _Recent()
