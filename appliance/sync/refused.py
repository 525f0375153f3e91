"""What an upstream shows and we do not take, and the record of it: an upstream may be hostile, or merely broken.

Taken are directories, plain files, and links that stay in the archive; modes are ours (``Source.options``), so a setuid
bit never arrives. What is left out is counted, and the first of it is named, so that an operator can ask upstream.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import PurePosixPath
from typing import Final

from appliance import log

EXAMPLES: Final = 100
"""So many refused paths are named; an upstream may show millions."""

DEEPEST: Final = 200
"""Directories above a path; no archive needs that many, and whoever walks a tree wants an end."""

LONGEST: Final = 300
"""Characters of a path that are kept, as it is shown."""

_CONTROL: Final = re.compile("[\x00-\x1f\x7f]")


class Why(StrEnum):
    """Why a path is refused, in words for people."""

    CONTROL = "control characters in its name"
    LINK = "a link that leaves the archive"
    DEPTH = "too many directories above it"
    KIND = "neither file, directory nor link"
    TRACES = "no directory, and traces belong below it"


@dataclass(frozen=True, slots=True)
class Refused:
    """How many paths were refused, and the first EXAMPLES of them with the reason, made safe to show anywhere."""

    count: int = 0
    examples: tuple[str, ...] = ()


NOTHING: Final = Refused()


@dataclass(slots=True)
class Refusals:
    """The record while a walk goes on; bounded, whatever the upstream shows."""

    count: int = 0
    _examples: list[str] = field(default_factory=list)

    def add(self, path: str, why: Why) -> None:
        """One more path."""
        self.count += 1
        if len(self._examples) < EXAMPLES:
            shown = log.visible(path)
            self._examples.append(f"{shown[:LONGEST]}{'…' if len(shown) > LONGEST else ''}: {why}")

    @property
    def seen(self) -> Refused:
        """The record so far."""
        return Refused(self.count, tuple(self._examples))


def why(path: str, target: str | None = None) -> Why | None:
    """Why a path is refused, None when it is taken; ``target`` is where it points if it is a link."""
    if path.count("/") > DEEPEST:
        return Why.DEPTH
    if _CONTROL.search(path):
        return Why.CONTROL
    return Why.LINK if target is not None and leaves(path, target) else None


def leaves(path: str, target: str) -> bool:
    """Whether a link may lead out of the tree, by itself or through other links of the same tree.

    Only ``..`` at the beginning of a target are taken, and no more of them than the link has directories above it:
    these are directories and not links, so where the target's names begin is in the tree, and so is where they lead
    when that holds for every link. What rsync's ``--safe-links`` refuses (rsync(1), SYMBOLIC LINKS) is among what is
    refused here, or a walk would name links again and again that a fetch then leaves out.
    """
    parts = [part for part in target.split("/") if part]
    if not parts or target.startswith("/") or _CONTROL.search(target):
        return True
    up = next((number for number, part in enumerate(parts) if part != ".."), len(parts))
    beyond = up > len(PurePosixPath(path).parent.parts)
    # An end in `/..` is refused by rsync since 3.4, wherever it leads.
    return beyond or ".." in parts[up:] or (len(parts) > 1 and parts[-1] == "..")
