"""What is index and what is payload.

Payload is what nothing refers to until an index does: it may enter the tree at any time. An index refers to payload or
to other indices, so it is staged and published as a whole. Traces tell the world what we carry and come last of all.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Final, Self

from appliance.sync.choice import Choice

TRACE_DIRECTORY: Final = "project/trace"
"""Where every ftpsync-like tree keeps its trace files (PROTOCOL section 4)."""

UPDATING: Final = "Archive-Update-in-Progress-"
"""Beginning of the name of the flag with which an upstream says that its tree is being changed (PROTOCOL section 6)."""

HIERARCHY: Final = f"{TRACE_DIRECTORY}/_hierarchy.mirror"
"""The chain of mirrors above us; ours is upstream's and one line more (PROTOCOL section 4.2)."""


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


@dataclass(frozen=True, slots=True)
class Profile:
    """What is known of an archive's layout: the name of a known one, and the operator's own index files.

    ``own`` has one choice for each of his patterns, in his order. They add to what the named profile knows.
    """

    name: str
    own: tuple[Choice, ...] = ()

    @classmethod
    def of(cls, name: str, patterns: Iterable[str] = ()) -> Self:
        """From rsync patterns, each of which may match files, or directories with all in them."""
        return cls(name, tuple(Choice.of([f"--exclude={pattern}"]) for pattern in patterns))

    def place(self, path: str) -> int | None:
        """The number of the first of the operator's patterns that matches; None for what the profile knows itself."""
        if not self.own or self.knows(path):
            return None
        return next((number for number, choice in enumerate(self.own) if choice.excludes(path)), None)

    def knows(self, path: str) -> bool:
        """Whether the path is a trace or an index without the operator saying so."""
        return (
            path.startswith(TRACE_DIRECTORY + "/")
            or (self.name != "generic" and is_content_addressed(path))
            or bool(_INDEX[self.name].search(path))
        )


def is_content_addressed(path: str) -> bool:
    """Whether the name tells the content: nobody finds it but by another index, and it never changes."""
    return bool(_CONTENT_ADDRESSED.search(path))


def kind_of(profile: Profile, path: str) -> Kind:
    """Which kind a path of the archive is; ``path`` is relative, with ``/`` between its parts.

    A content-addressed index (``by-hash``, hashed repodata names) counts as payload: only another index makes it
    visible.
    """
    if path.startswith(TRACE_DIRECTORY + "/"):
        return Kind.TRACE
    if profile.name != "generic" and is_content_addressed(path):
        return Kind.PAYLOAD
    is_index = _INDEX[profile.name].search(path) or profile.place(path) is not None
    return Kind.INDEX if is_index else Kind.PAYLOAD
