"""The lines of an itemized dry run (rsync(1), --itemize-changes), as our walk asks for them."""

from __future__ import annotations

import re
from typing import Final

from appliance.sync.changes import Change

END: Final = "\x01"
SHOWN_END: Final = "\\#001"
"""Between a name and what rsync says about it as a link; shown as rsync shows it. No name we take has it."""
ITEM: Final = re.compile(r"^(?P<item>[<>ch.*][fdLDS](?P<flags>.{9})|\*deleting  ) (?P<size>\d+) (?P<rest>.+)$")
NO_FILE: Final = re.compile(r'^skipping non-regular file "(?P<path>.+)"$')
TOTAL: Final = re.compile(r"^Number of files: (\d+)")
_ESCAPE: Final = re.compile(r"\\#([0-3][0-7]{2})")


def change_of(item: re.Match[str]) -> tuple[Change, str | None]:
    """The change, and where it points if it is a link."""
    what, (name, link) = item["item"], _split(item)
    directory = what[1] == "d"
    change = Change(
        unescape(name).rstrip("/"),
        0 if directory else int(item["size"]),
        new=set(item["flags"]) == {"+"},
        directory=directory,
        leader=unescape(link.removeprefix(" => ")) if what[0] == "h" else None,
    )
    return change, unescape(link.removeprefix(" -> ")) if what[1] == "L" and what[0] != "h" else None


def _split(item: re.Match[str]) -> tuple[str, str]:
    """Name and link; a name with our mark in it stays whole, and is refused for it."""
    parts = item["rest"].split(SHOWN_END)
    return (parts[0], parts[1]) if len(parts) == 2 else (SHOWN_END.join(parts[:-1]), parts[-1])


def unescape(name: str) -> str:
    r"""The path behind rsync's ``\#ooo`` notation for bytes it will not print, with surrogates for non-UTF-8 ones."""
    if "\\#" not in name:
        return name
    parts = (part for part in re.split(r"(\\#[0-3][0-7]{2})", name))
    return b"".join(
        bytes([int(part[2:], 8)]) if _ESCAPE.fullmatch(part) else part.encode("utf-8", "surrogateescape")
        for part in parts
    ).decode("utf-8", "surrogateescape")
