"""What a client asks for below ``/r/`` and ``/mirrors/``: an archive and a path in it, or nothing that we answer."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, unquote_to_bytes

LONGEST: Final = 1024
"""Bytes of a path, percent signs and all; the longest in the archives that we know is under 300."""

_SAFE: Final = "/~+:@!$&'()*,;=-._"
_PLAIN: Final = re.compile(rb"[A-Za-z0-9/~+:@._-]*")
_CONTROL: Final = re.compile(rb"[\x00-\x1f\x7f]")
_HOST: Final = re.compile(r"[A-Za-z0-9._-]{1,253}(:[0-9]{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](:[0-9]{1,5})?")
_COUNTRY: Final = re.compile(r"[A-Za-z]{2}")
_NOWHERE: Final = ("xx", "zz")
"""What proxies write of whom they do not know."""


@dataclass(frozen=True, slots=True)
class Asked:
    """An archive and a path in it; ``quoted`` is the path as it stands in a URL, ``path`` as in the file system."""

    archive: str
    path: bytes
    quoted: str


def parse(raw: bytes, prefix: bytes) -> Asked | None:
    """From the path of a request as it came, percent signs and all; None for one that is no path in an archive."""
    if len(raw) > LONGEST or not raw.startswith(prefix):
        return None
    text = unquote_to_bytes(raw[len(prefix) :])
    archive, slash, path = text.partition(b"/")
    if not slash or not archive or _CONTROL.search(text) or not archive.isascii() or not _is_tidy(path):
        return None
    return Asked(archive.decode(), path, path.decode() if _PLAIN.fullmatch(path) else quote(path, _SAFE))


def _is_tidy(path: bytes) -> bool:
    """Whether every step of it leads downwards; a slash at its end is one of a directory."""
    return not path or all(step not in (b"", b".", b"..") for step in path.removesuffix(b"/").split(b"/"))


def is_directory(path: str) -> bool:
    """Whether it can be the path of a directory with a repository, in a URL and in the file system alike."""
    return len(path) <= LONGEST and bool(_PLAIN.fullmatch(path.encode())) and _is_tidy(path.encode())


def country(header: bytes | str | None) -> str:
    """Two letters from a header, small ones; empty for anything else, and for those that stand for no country."""
    text = (header.decode("latin-1") if isinstance(header, bytes) else header or "").lower()
    return text if _COUNTRY.fullmatch(text) and text not in _NOWHERE else ""


def host(header: bytes | str | None) -> str:
    """The host, and perhaps the port, that a client asked; empty for what cannot be one."""
    text = header.decode("latin-1") if isinstance(header, bytes) else header or ""
    return text if _HOST.fullmatch(text) else ""
