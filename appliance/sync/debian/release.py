"""A suite's Release file: what it lists, since when it is valid and until when."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Final

from debian.deb822 import Release as Paragraph

from appliance.sync.entry import Entry, leaves

LARGEST: Final = 10_000_000
"""Bytes of a Release file. apt takes no larger one (apt.conf(5), Acquire::MaxReleaseFileSize); real ones have some
hundred thousand.
"""

_DIGEST: Final = re.compile(r"[0-9a-f]{64}")


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
    paragraph = Paragraph(text)
    return Release(
        _entries(paragraph),
        str(paragraph.get("Acquire-By-Hash", "")).lower() == "yes",
        _moment(paragraph.get("Date")),
        _moment(paragraph.get("Valid-Until")),
        "SHA256" in paragraph,
    )


def text_of(file: Path) -> str:
    """The content of a Release file. Raises ValueError for one that is too large to be one, OSError."""
    if (size := file.stat().st_size) > LARGEST:
        raise ValueError(f"it has {size} bytes")
    return file.read_text("utf-8", "replace")


def _entries(paragraph: Paragraph) -> Mapping[str, Entry]:
    try:
        lines = paragraph.get("SHA256", [])
        # With `/./` in it a name would be another one to rsync, which begins there (rsync(1), --relative).
        named = ((posixpath.normpath(line["name"]), line) for line in lines)
        listed = {name: Entry(int(line["size"]), line["sha256"].lower()) for name, line in named}
    except KeyError as error:
        raise ValueError(f"a line of its SHA256 section has no {error}") from None
    except TypeError:
        raise ValueError("its SHA256 section has no lines of its own") from None
    for path, entry in listed.items():
        if leaves(path) or "\0" in path:
            raise ValueError(f"{path!r} leads out of the suite")
        if not _DIGEST.fullmatch(entry.digest):  # by-hash it is the name of a file
            raise ValueError(f"{path!r} has the SHA256 {entry.digest[:100]!r}")
    return listed


def _moment(text: str | None) -> float | None:
    if not text:
        return None
    try:
        return parsedate_to_datetime(text).timestamp()
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"{text!r} is no date") from None
