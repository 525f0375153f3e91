"""A suite's Release file: what it lists, since when it is valid and until when."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Final

from appliance.sync.entry import Entry, leaves

LARGEST: Final = 10_000_000
"""Bytes of a Release file. apt takes no larger one (apt.conf(5), Acquire::MaxReleaseFileSize); real ones have some
hundred thousand.
"""

_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_FIELD: Final = re.compile(r"^([^\s:#][^\s:]*):[ \t]*(.*(?:\n[ \t].*)*)", re.MULTILINE)
_SEPARATOR: Final = re.compile(r"\n[ \t\r]*\n")
_BLANKS: Final = re.compile(r"[ \t]+")
_SIGNED: Final = "-----BEGIN PGP SIGNED MESSAGE-----\n"
_SIGNATURE: Final = "\n-----BEGIN PGP SIGNATURE-----"
_ESCAPED: Final = re.compile(r"^- ", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Release:
    """What one Release or InRelease file says. Times are epoch seconds, None when the file does not tell.

    ``has_sums`` is False for files of archives that are older than SHA256.
    """

    entries: Mapping[str, Entry]
    by_hash: bool = False
    date: float | None = None
    valid_until: float | None = None
    has_sums: bool = False


NOTHING = Release({})


def parse(text: str) -> Release:
    """The file's meaning; raises ValueError when it has none, or lists a path that leaves the suite."""
    fields = {match[1].lower(): match[2].strip() for match in _FIELD.finditer(_paragraph(text))}
    return Release(
        _entries(fields.get("sha256", "")),
        fields.get("acquire-by-hash", "").lower() == "yes",
        _moment(fields.get("date")),
        _moment(fields.get("valid-until")),
        "sha256" in fields,
    )


def text_of(file: Path) -> str:
    """The content of a Release file. Raises ValueError for one that is too large to be one, OSError."""
    if (size := file.stat().st_size) > LARGEST:
        raise ValueError(f"it has {size} bytes")
    return file.read_text("utf-8", "replace")


def _paragraph(text: str) -> str:
    """The first one, without the signature around it (RFC 4880, 7.1)."""
    text = text.replace("\r\n", "\n").lstrip("\n")
    if text.startswith(_SIGNED):
        text = text.partition("\n\n")[2].partition(_SIGNATURE)[0].lstrip("\n")
        text = _ESCAPED.sub("", text)
    return _SEPARATOR.split(text, maxsplit=1)[0]


def _entries(listed: str) -> Mapping[str, Entry]:
    entries = {path: entry for line in listed.split("\n") if line.strip() for path, entry in [_entry(line)]}
    for path, entry in entries.items():
        if leaves(path) or "\0" in path:
            raise ValueError(f"{path!r} leads out of the suite")
        if not _DIGEST.fullmatch(entry.digest):  # by-hash it is the name of a file
            raise ValueError(f"{path!r} has the SHA256 {entry.digest[:100]!r}")
    return entries


def _entry(line: str) -> tuple[str, Entry]:
    """A digest, a size, a name. With `/./` in it that would be another one to rsync (rsync(1), --relative)."""
    try:
        digest, size, name = _BLANKS.split(line.strip(" \t\r"))[:3]
    except ValueError:
        raise ValueError(f"a line of its SHA256 section is no digest, size and name: {line.strip()!r}") from None
    return posixpath.normpath(name), Entry(int(size), digest.lower())


def _moment(text: str | None) -> float | None:
    if not text:
        return None
    try:
        return parsedate_to_datetime(text).timestamp()
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"{text!r} is no date") from None
