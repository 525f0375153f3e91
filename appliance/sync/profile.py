"""What is index and what is payload, and in which order index files are published.

Payload is what nothing refers to until an index does: it may enter the tree at any time. An index refers to payload or
to other indices, so it is staged and published as a whole. Traces tell the world what we carry and come last of all.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import Enum
from pathlib import PurePosixPath
from typing import Final

TRACE_DIRECTORY: Final = "project/trace"
"""Where every ftpsync-like tree keeps its trace files (PROTOCOL section 4)."""

UPDATING: Final = "Archive-Update-in-Progress-"
"""Beginning of the name of the flag with which an upstream says that its tree is being changed (PROTOCOL section 6)."""

HIERARCHY: Final = f"{TRACE_DIRECTORY}/_hierarchy.mirror"
"""The chain of mirrors above us; ours is upstream's and one line more (PROTOCOL section 4.2)."""

RELEASE_NAMES: Final = ("Release", "Release.gpg", "InRelease")
"""A suite's root files, in the order they are published: the one apt reads first comes last."""


class Kind(Enum):
    """The two halves of an archive, and the files that describe it to other mirrors."""

    PAYLOAD = "payload"
    INDEX = "index"
    TRACE = "trace"


_CONTENT_ADDRESSED: Final = re.compile(r"(^|/)by-hash/|(^|/)repodata/[0-9a-f]{32,128}-")

# dists/ belongs to the index as a whole: what is in it is listed in a Release file (installer images, pdiffs), or is a
# link between suites. Flat repositories keep the same names anywhere.
_INDEX: Final = {
    "debian": re.compile(
        r"^dists(/|$)|^indices/|^ls-lR|^extrafiles$"
        r"|(^|/)(InRelease|Release(\.gpg)?|(Packages|Sources|Contents|Translation|Components)[^/]*)$"
    ),
    "rpm": re.compile(r"(^|/)repodata/|(^|/)(\.treeinfo|treeinfo|media\.repo|mirrorlist[^/]*)$"),
    "generic": re.compile(r"(?!)"),
}


def kind_of(profile: str, path: str) -> Kind:
    """Which kind a path of the archive is; ``path`` is relative, with ``/`` between its parts.

    A content-addressed index (``by-hash``, hashed repodata names) counts as payload: only another index makes it
    visible.
    """
    if path.startswith(TRACE_DIRECTORY + "/"):
        return Kind.TRACE
    if profile != "generic" and _CONTENT_ADDRESSED.search(path):
        return Kind.PAYLOAD
    return Kind.INDEX if _INDEX[profile].search(path) else Kind.PAYLOAD


def is_root(path: str) -> bool:
    """True for the files a reader begins with: two of one second may well be of one size."""
    return _name(path) in (*RELEASE_NAMES, "repomd.xml")


def in_publish_order(paths: Iterable[str]) -> list[str]:
    """The order in which staged files become visible.

    Content-addressed files first; then what no suite covers; then suite by suite the plain indices with their Release
    files right behind, so that a reader meets a mixed suite for as short as possible; the traces last, ``master``
    behind the file it points to.
    """
    names = list(paths)
    suites = {_parent(name) for name in names if is_root(name)}
    return sorted(names, key=lambda name: _rank(name, suites))


def _rank(path: str, suites: set[str]) -> tuple[int, str, int, str]:
    if path.startswith(TRACE_DIRECTORY + "/"):
        return (3, "", int(_name(path) == "master"), path)
    if _CONTENT_ADDRESSED.search(path):
        return (0, "", 0, path)
    suite = _suite_of(path, suites)
    if suite is None:
        return (1, "", 0, path)
    return (2, suite, _root_rank(_name(path)), path)


def _root_rank(name: str) -> int:
    if name in RELEASE_NAMES:
        return 1 + RELEASE_NAMES.index(name)
    return 1 if name.startswith("repomd.xml") else 0


def _suite_of(path: str, suites: set[str]) -> str | None:
    directory = _parent(path)
    while directory not in suites:
        if directory == ".":
            return None
        directory = _parent(directory)
    return directory


def _parent(path: str) -> str:
    return str(PurePosixPath(path).parent)


def _name(path: str) -> str:
    return PurePosixPath(path).name
