"""What an RPM repository's metadata says: repomd.xml lists the other files, primary.xml names the packages.

https://github.com/rpm-software-management/createrepo_c  (what is written)
https://github.com/openSUSE/libsolv, ext/repo_repomdxml.c and ext/repo_rpmmd.c  (what is read)
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from appliance.sync.entry import Entry, Reference, leaves
from appliance.sync.rpm import markup
from appliance.sync.rpm.markup import Part, Record

LARGEST: Final = 4 << 20
"""Bytes of a repomd.xml; real ones have some thousand."""

ALGORITHMS: Final = {"sha": "sha1"} | {name: name for name in ("md5", "sha1", "sha224", "sha256", "sha384", "sha512")}
"""Checksums as metadata names them, and as hashlib does."""

_REMOTE: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_COUNT: Final = re.compile(r"[0-9]{1,18}")
_MOMENT: Final = re.compile(r"[0-9]{1,11}(\.[0-9]*)?")
_DATA: Final = ("revision", "checksum", "open-checksum", "location", "timestamp", "size", "open-size")
_PACKAGE: Final = ("name", "checksum", "location", "size")


@dataclass(frozen=True, slots=True)
class Data:
    """One file that a repomd.xml lists: as it is, and what it unpacks to when that is told."""

    kind: str
    packed: Entry
    unpacked: Entry | None = None


@dataclass(frozen=True, slots=True)
class Repomd:
    """What one repomd.xml says: ``data`` by their paths in the archive, and how new it is.

    ``revision`` is what its maker counts by, mostly the second of its making, None when it is no number; ``made`` is
    the second of which its list of packages is, 0 when it does not tell.
    """

    data: dict[str, Data]
    revision: int | None = None
    made: float = 0.0

    def is_before(self, other: Repomd) -> bool:
        """Whether this one is older; revisions that are no numbers, or the same, leave it to the list of packages."""
        if self.revision is not None and other.revision is not None and self.revision != other.revision:
            return self.revision < other.revision
        return 0 < self.made < other.made

    @property
    def primary(self) -> str | None:
        """The path of the list of packages."""
        return next((path for path, data in self.data.items() if data.kind == "primary"), None)


NOTHING: Final = Repomd({})


def parse(blocks: Iterable[bytes], repository: str) -> Repomd:
    """The meaning of the repomd.xml of a repository; raises ValueError when it has none."""
    data: dict[str, Data] = {}
    revision, made = None, 0.0
    for record in markup.records(blocks, "repomd", _DATA):
        if record.name == "revision":
            revision = int(text) if _COUNT.fullmatch(text := record.itself.text) else None
        elif record.name == "data" and (path := _place(record, repository)) is not None:
            if leaves(path):
                raise ValueError(f"{path!r} leads out of the archive")
            data[path] = _data(record)
            made = max(made, _seconds(record)) if data[path].kind == "primary" else made
    return Repomd(data, revision, made)


def packages(blocks: Iterable[bytes], repository: str) -> Iterator[Reference]:
    """What a primary.xml names, by paths in the archive; those it says to be elsewhere on the net are left out.

    Raises ValueError for a document that is none, and for a package of which something is not told.
    """
    for record in markup.records(blocks, "metadata", _PACKAGE):
        if record.name == "package" and (path := _place(record, repository)) is not None:
            entry = _entry(record, "checksum", _required(record, "size").attributes.get("package"))
            if entry is None or entry.size is None:
                raise ValueError(f"{_shown(record)} has no size or no checksum")
            yield Reference(path, entry.size, entry.digest, entry.algorithm)


def _place(record: Record, repository: str) -> str | None:
    """The path of a location in the archive, which may lead out of it; None for one that is elsewhere on the net."""
    location = _required(record, "location").attributes
    base, href = location.get("xml:base", ""), location.get("href", "")
    if not href:
        raise ValueError(f"{_shown(record)} has no location")
    if _REMOTE.match(base) or _REMOTE.match(href):
        return None
    return posixpath.normpath(posixpath.join(repository, base, href))


def _data(record: Record) -> Data:
    packed = _entry(record, "checksum", _text(record, "size"))
    if packed is None:
        raise ValueError(f"{_shown(record)} has no checksum")
    return Data(
        record.itself.attributes.get("type", ""), packed, _entry(record, "open-checksum", _text(record, "open-size"))
    )


def _entry(record: Record, checksum: str, size: str | None) -> Entry | None:
    """What is said of a file; None without a checksum. Sizes of nothing are not told by old makers."""
    part = record.parts.get(checksum)
    if part is None or not part.text:
        return None
    kind = part.attributes.get("type", "")
    if kind not in ALGORITHMS:
        raise ValueError(f"{_shown(record)} has a checksum of the unknown type {kind!r}")
    return Entry(_number(record, size) if size else None, part.text.lower(), ALGORITHMS[kind])


def _number(record: Record, text: str) -> int:
    if not _COUNT.fullmatch(text):
        raise ValueError(f"{_shown(record)} has the size {text!r}")
    return int(text)


def _seconds(record: Record) -> float:
    text = _text(record, "timestamp") or "0"
    return float(text) if _MOMENT.fullmatch(text) else 0.0


def _text(record: Record, name: str) -> str | None:
    part = record.parts.get(name)
    return part.text if part else None


def _required(record: Record, name: str) -> Part:
    if name not in record.parts:
        raise ValueError(f"{_shown(record)} has no {name}")
    return record.parts[name]


def _shown(record: Record) -> str:
    """The record as a person knows it."""
    name = _text(record, "name") or record.itself.attributes.get("type", "")
    return f"the {record.name} {name[:200] or '(no name)'}"
