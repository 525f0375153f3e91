"""One line per event that matters, to standard output, for people or as JSON."""

from __future__ import annotations

import logging
import sys
from collections import defaultdict, deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType
from typing import Any, Final

from appliance.lines import Form, clean, form, human, visible

__all__ = ["about", "clean", "entries", "event", "fault", "last_lines", "start", "trouble", "visible"]

_LOGGER: Final = logging.getLogger("push-mirror")

KEPT: Final = 200
"""Lines of each archive that are remembered."""

_Line = tuple[float, str, str, dict[str, Any]]
"""Epoch seconds, level, event, facts."""

_about: ContextVar[Mapping[str, Any]] = ContextVar("about", default=MappingProxyType({}))


def start(format: str, level: str) -> None:
    """Log to standard output from now on, as ``human`` or ``json`` lines; what libraries have to complain of, too."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(_Formatter(form(format)))
    _LOGGER.handlers[:] = [handler, _RECENT]
    _LOGGER.setLevel(level.upper())
    _LOGGER.propagate = False
    logging.getLogger().handlers[:] = [handler]


@contextmanager
def about(**facts: Any) -> Iterator[None]:
    """Every line from inside, and from the tasks begun there, has these facts: the archive and the number of a run."""
    before = _about.set({**_about.get(), **facts})
    try:
        yield
    finally:
        _about.reset(before)


def last_lines(archive: str) -> list[str]:
    """The last lines about one archive, as people read them, the oldest first; nothing from an earlier life."""
    return [human(*line) for line in _RECENT.lines[archive]]


def entries(archive: str) -> list[dict[str, Any]]:
    """The same for programs: time (epoch seconds), level, event and the facts."""
    return [
        {"time": when, "level": level, "event": event} | facts for when, level, event, facts in _RECENT.lines[archive]
    ]


def event(message: str, **facts: Any) -> None:
    """Tell what happened; ``facts`` name the archive, the run and so on. Facts that are None are left out."""
    _LOGGER.info(message, extra=_extra(facts))


def trouble(message: str, **facts: Any) -> None:
    """Tell what went wrong."""
    _LOGGER.warning(message, extra=_extra(facts))


def fault(message: str, **facts: Any) -> None:
    """Tell of an exception that nobody expected, with its traceback."""
    _LOGGER.exception(message, extra=_extra(facts))


def _extra(facts: Mapping[str, Any]) -> dict[str, Any]:
    return {"facts": {**_about.get(), **facts}}


def _told(record: logging.LogRecord) -> _Line:
    """What a record says, ours or a library's; an exception is one of the facts."""
    given: dict[str, Any] = getattr(record, "facts", {})
    facts = {key: value for key, value in given.items() if value is not None}
    if record.exc_info:
        facts["exception"] = logging.Formatter().formatException(record.exc_info)
    return record.created, record.levelname.lower(), record.getMessage(), facts


class _Formatter(logging.Formatter):
    def __init__(self, form: Form) -> None:
        super().__init__()
        self._form = form

    def format(self, record: logging.LogRecord) -> str:
        return self._form(*_told(record))


class _Recent(logging.Handler):
    """Keeps a few lines of each archive."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: defaultdict[str, deque[_Line]] = defaultdict(lambda: deque(maxlen=KEPT))

    def emit(self, record: logging.LogRecord) -> None:
        line = _told(record)
        if archive := line[3].get("archive"):
            self.lines[str(archive)].append(line)


_RECENT: Final = _Recent()
