"""The indices of a Debian archive that name payload: Packages and Sources, in whatever they are packed."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from appliance.sync import unpack
from appliance.sync.debian import stanzas
from appliance.sync.entry import Entry, Reference


@dataclass(frozen=True, slots=True)
class Index:
    """An index that we hold: its path, the file, and what it unpacks to when that is announced."""

    path: str
    held: Path
    unpacked: Entry | None = None

    def references(self) -> Iterator[Reference]:
        """Every file it names. Raises ValueError when it cannot be read."""
        return (reference for some in self.stanzas() for stanza in some for reference in self.named_in(stanza))

    def stanzas(self) -> Iterator[list[bytes]]:
        """What it is made of, a part at a time. Raises as ``references``."""
        return stanzas.split(unpack.blocks(self.held, self.path, self.unpacked))

    def named_in(self, stanza: bytes) -> Iterator[Reference]:
        """The files that one stanza names. Raises as ``references``."""
        return stanzas.KINDS[posixpath.basename(unpack.stem_of(self.path))](stanza)


def published_of(tree: Path, path: str) -> Index | None:
    """The published form of an index, the cheapest to read of those that ``tree`` has; None when there is none."""
    if not is_index(path):
        return None
    forms = (unpack.stem_of(path) + suffix for suffix in unpack.SUFFIXES)
    return next((Index(form, tree / form) for form in forms if (tree / form).is_file()), None)


def is_index(path: str) -> bool:
    """Whether a listed file is one that names payload."""
    return posixpath.basename(unpack.stem_of(path)) in stanzas.KINDS


def bases_of(suite: str) -> tuple[str, ...]:
    """The directories that paths in a suite's indices may be relative to, the likeliest first.

    With ``dists`` in its path it is the directory that holds it; a flat suite names files from wherever its index was
    made, which is itself or something above.
    """
    parts = suite.split("/") if suite else []
    if "dists" in parts:
        return ("/".join(parts[: parts.index("dists")]),)
    return tuple("/".join(parts[:length]) for length in range(len(parts), -1, -1))
