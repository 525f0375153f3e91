"""Where readers begin, and in which order index files are published so that nobody meets half of an update."""

from __future__ import annotations

from collections.abc import Container, Iterable
from typing import Final

from appliance.sync.profile import TRACE_DIRECTORY, Kind, Profile, is_content_addressed, kind_of

RELEASE_NAMES: Final = ("Release", "Release.gpg", "InRelease")
"""A suite's root files, in the order they are published: the one apt reads first comes last."""

REPOSITORY_NAMES: Final = ("repomd.xml.key", "repomd.xml.asc", "repomd.xml")
"""A repository's root files, in the order they are published.

No order of two renames suits every reader: one that asks for repomd.xml and then for its signature while both change
may get two of different ages. With the signature first, whoever got the new repomd.xml gets everything that belongs to
it; whoever got the old one asks again. The other way round the new repomd.xml would be there, and be kept by caches
and noticed by those who watch it, before anything could prove it.
"""

ROOTS: Final = frozenset((*RELEASE_NAMES, *REPOSITORY_NAMES))
"""What files are called that readers begin with."""

_BEGINNINGS: Final = ROOTS - {"Release"}


def suites_of(names: Iterable[str]) -> set[str]:
    """The directories where readers begin, among these paths; "" is the top.

    A suite has InRelease or Release.gpg, a repository's ``repodata`` a repomd.xml or its signature. A lone Release
    makes one only where nothing above it does: every component of a Debian suite has a small Release file of its own,
    which is an ordinary index.
    """
    known = list(names)
    suites = {_parent(name) for name in known if _name(name) in _BEGINNINGS}
    lone = sorted((_parent(name) for name in known if _name(name) == "Release"), key=len)
    for directory in lone:
        if suite_of(directory, suites) is None:
            suites.add(directory)
    return suites


def roots_of(profile: Profile, names: Iterable[str]) -> list[str]:
    """The files readers begin with, among these paths: two of one second may well be of one size.

    What the operator named is among them, because nothing else that we read tells when it changes.
    """
    known = list(names)
    suites = suites_of(known)
    return [
        name for name in known if (_name(name) in ROOTS and _parent(name) in suites) or profile.place(name) is not None
    ]


def in_publish_order(profile: Profile, paths: Iterable[str]) -> list[str]:
    """The order in which staged files become visible.

    Content-addressed files first; then payload that is replaced; then one suite or repository after the other, its
    plain indices with its root files right behind, so that a reader meets a mixed one for as short as possible; then
    what belongs to none, such as a link from one suite to another; then what the operator named, in his order; the
    traces last, ``master`` behind the file it points to.
    """
    names = list(paths)
    suites = suites_of(names)
    return sorted(names, key=lambda name: _rank(profile, name, suites))


def _rank(profile: Profile, path: str, suites: set[str]) -> tuple[int, str, int, str]:
    if path.startswith(TRACE_DIRECTORY + "/"):
        return (5, "", int(_name(path) == "master"), path)
    if (place := profile.place(path)) is not None:
        return (4, "", place, path)
    if is_content_addressed(path):
        return (0, "", 0, path)
    suite = suite_of(_parent(path), suites)
    if suite is None:
        return (1 if kind_of(profile, path) is Kind.PAYLOAD else 3, "", 0, path)
    return (2, suite, _root_rank(_name(path)) if _parent(path) == suite else 0, path)


def _root_rank(name: str) -> int:
    return next((1 + names.index(name) for names in (RELEASE_NAMES, REPOSITORY_NAMES) if name in names), 0)


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
