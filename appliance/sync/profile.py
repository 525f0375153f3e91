"""What is index and what is payload, and in which order index files are published.

Payload is what nothing refers to until an index does: it may enter the tree at any time. An index refers to payload or
to other indices, so it is staged and published as a whole. Traces tell the world what we carry and come last of all.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable
from enum import Enum
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


_ROOTS: Final = frozenset((*RELEASE_NAMES, "repomd.xml"))

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


def suites_of(names: Iterable[str]) -> set[str]:
    """The directories where readers begin, among these paths; "" is the top.

    A suite has InRelease or Release.gpg. A lone Release makes one only where nothing above it does: every component of
    a Debian suite has a small Release file of its own, which is an ordinary index.
    """
    known = list(names)
    suites = {_parent(name) for name in known if _name(name) in ("InRelease", "Release.gpg", "repomd.xml")}
    lone = sorted((_parent(name) for name in known if _name(name) == "Release"), key=len)
    for directory in lone:
        if suite_of(directory, suites) is None:
            suites.add(directory)
    return suites


def roots_of(names: Iterable[str]) -> list[str]:
    """The files readers begin with, among these paths: two of one second may well be of one size."""
    known = list(names)
    suites = suites_of(known)
    return [name for name in known if _name(name) in _ROOTS and _parent(name) in suites]


def in_publish_order(paths: Iterable[str]) -> list[str]:
    """The order in which staged files become visible.

    Content-addressed files first; then what no suite covers; then suite by suite the plain indices with their root
    files right behind, so that a reader meets a mixed suite for as short as possible; the traces last, ``master``
    behind the file it points to.
    """
    names = list(paths)
    suites = suites_of(names)
    return sorted(names, key=lambda name: _rank(name, suites))


def _rank(path: str, suites: set[str]) -> tuple[int, str, int, str]:
    if path.startswith(TRACE_DIRECTORY + "/"):
        return (3, "", int(_name(path) == "master"), path)
    if _CONTENT_ADDRESSED.search(path):
        return (0, "", 0, path)
    suite = suite_of(_parent(path), suites)
    if suite is None:
        return (1, "", 0, path)
    return (2, suite, _root_rank(_name(path)) if _parent(path) == suite else 0, path)


def _root_rank(name: str) -> int:
    if name in RELEASE_NAMES:
        return 1 + RELEASE_NAMES.index(name)
    return 1 if name.startswith("repomd.xml") else 0


def suite_of(directory: str, suites: Container[str]) -> str | None:
    """The nearest suite at or above a directory, None when there is none."""
    while directory not in suites:
        if not directory:
            return None
        directory = _parent(directory)
    return directory


def _parent(path: str) -> str:
    return path.rpartition("/")[0]


def _name(path: str) -> str:
    return path.rpartition("/")[2]
