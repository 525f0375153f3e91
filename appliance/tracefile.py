"""What a mirror's trace files say (PROTOCOL section 4). They are a stranger's text: pure, and never surprised."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

DIRECTORY: Final = "project/trace"
MASTER: Final = f"{DIRECTORY}/master"
"""The trace of the host where the archive begins, in most archives a link to a file of its name."""

SERIAL: Final = "Archive serial"
"""The field that tells which state of the archive a trace is about."""

LONGEST: Final = 1 << 16
"""Bytes of a trace file, and of a listing of their directory."""

MOST: Final = 32
"""Trace files of one mirror that are read."""

_SERIAL: Final = re.compile(r"[0-9]{1,18}")
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,252}")
_LINK: Final = re.compile(r"""href\s*=\s*["']?(?:\./)?([A-Za-z0-9][A-Za-z0-9._-]{0,252})["'\s>]""", re.I)
_NO_MIRROR: Final = ("-stage1", ".new")


@dataclass(frozen=True, slots=True)
class TraceFile:
    """The trace of one mirror: the serial it carried then, the host it runs on and its upstream, as far as it says."""

    name: str
    serial: str | None = None
    host: str | None = None
    upstream: str | None = None


@dataclass(frozen=True, slots=True)
class Tier:
    """One line of ``_hierarchy``: a mirror on the way, the host it runs on, and the host it fetches from."""

    name: str
    host: str
    upstream: str


def field(text: str, key: str) -> str | None:
    """One field of a trace file, None when it is missing or empty; keys are compared without case."""
    pairs = (line.partition(":") for line in text.splitlines()[1:])
    return next((value.strip() for name, _, value in pairs if name.lower() == key.lower() and value.strip()), None)


def serial(text: str) -> str | None:
    """The serial of a trace file; None for what is no serial."""
    found = field(text, SERIAL)
    return found if found and _SERIAL.fullmatch(found) and found.isascii() else None


def parse(name: str, text: str) -> TraceFile:
    """A trace file by the name it has in the directory."""
    return TraceFile(name, serial(text), _host(field(text, "Running on host")), _host(field(text, "Upstream-mirror")))


def hierarchy(text: str) -> tuple[Tier, ...]:
    """The mirrors on the way, the master's first; lines that are none are left out."""
    words = (line.split() for line in text.splitlines()[:MOST])
    return tuple(Tier(w[1], w[2], w[3]) for w in words if len(w) == 4 and all(map(is_name, w[1:])))


def is_name(text: str) -> bool:
    """Whether this can be the name of a mirror, or of its host."""
    return bool(_NAME.fullmatch(text)) and text.isascii()


def is_trace(name: str) -> bool:
    """Whether a file of the directory is the trace of a mirror."""
    return is_name(name) and name != "master" and not name.endswith(_NO_MIRROR)


def names(text: str) -> list[str]:
    """The traces that ``_traces`` lists, or that a page with links shows; not more than are worth reading."""
    words = _links(text) if "<" in text else iter(text.split())
    return list(dict.fromkeys(word for word in words if is_trace(word)))[:MOST]


def _links(page: str) -> Iterator[str]:
    return (match[1] for match in _LINK.finditer(page))


def _host(text: str | None) -> str | None:
    return text if text and is_name(text) and text != "unknown" else None
