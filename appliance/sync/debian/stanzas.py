"""The files that a Debian index names: a parser for Packages and Sources made for speed, in constant memory.

An index of 60 000 stanzas is read in about half a second. The fields are looked for in a stanza as a whole, because to
look at every line costs five times as much.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from appliance.sync.entry import Reference

LONGEST: Final = 32 << 20
"""Bytes of one stanza; those of the largest source packages have some hundred thousand."""

_SEPARATOR: Final = re.compile(rb"\n[ \t\r]*\n")
_FIELD: Final = re.compile(rb"\n([^\s:]+):[ \t]*(.*(?:\n[ \t].*)*)")


def split(blocks: Iterable[bytes]) -> Iterator[list[bytes]]:
    """The stanzas, those of a block together; some are empty. No more than one block and one stanza are in memory.

    To hand them over one by one would take most of the time. Raises ValueError for one that has no end.
    """
    rest = b""
    for block in blocks:
        # The last part may go on in the next block; so may a separator of which the block holds a half.
        *whole, rest = _SEPARATOR.split(rest + block)
        if len(rest) > LONGEST:
            raise ValueError(f"a stanza of it is longer than {LONGEST} bytes")
        yield whole
    yield [rest]


def packages(stanza: bytes) -> Iterator[Reference]:
    """What a stanza of a Packages file names. Raises ValueError for one without Filename or Size."""
    if not stanza.isspace() and stanza:
        yield _package(b"\n" + stanza)


def sources(stanza: bytes) -> Iterator[Reference]:
    """What a stanza of a Sources file names. Raises ValueError for one that names no files."""
    if stanza.isspace() or not stanza:
        return
    fields = _fields(b"\n" + stanza)
    # Who makes an index of the directory he is in may leave it empty, or out; to apt that is where it begins.
    directory = fields.get(b"directory", b"").decode("utf-8", "surrogateescape")
    listed = fields.get(b"checksums-sha256") or _required(fields, b"files")
    for line in listed.splitlines():
        if line.strip():
            digest, size, name = line.split()
            hashed = digest.decode("ascii").lower() if len(digest) == 64 else ""
            path = posixpath.join(directory, name.decode("utf-8", "surrogateescape"))
            yield Reference(path, int(size), hashed)


KINDS: Final[dict[str, Callable[[bytes], Iterator[Reference]]]] = {"Packages": packages, "Sources": sources}
"""How a stanza is read, by the index's name without what it was packed with."""


def _package(stanza: bytes) -> Reference:
    path, size, digest = (_value(stanza, name) for name in (b"\nFilename: ", b"\nSize: ", b"\nSHA256: "))
    if not (path and size and digest):
        fields = _fields(stanza)
        path, size = _required(fields, b"filename"), _required(fields, b"size")
        digest = fields.get(b"sha256", b"")
    return Reference(path.decode("utf-8", "surrogateescape"), int(size), digest.decode("ascii").lower())


def _value(stanza: bytes, field: bytes) -> bytes:
    start = stanza.find(field)
    if start < 0:
        return b""
    start += len(field)
    end = stanza.find(b"\n", start)
    return stanza[start : end if end >= 0 else len(stanza)].strip()


def _fields(stanza: bytes) -> dict[bytes, bytes]:
    return {match[1].lower(): match[2].strip() for match in _FIELD.finditer(stanza)}


def _required(fields: dict[bytes, bytes], name: bytes) -> bytes:
    if not fields.get(name):
        shown = fields.get(b"package", b"(no name)").decode("utf-8", "replace")
        raise ValueError(f"the stanza of {shown} has no {name.decode().capitalize()}")
    return fields[name]
