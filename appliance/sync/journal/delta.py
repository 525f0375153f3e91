"""One publication as the list of what it changed, and the head of a chain of them: what a journal is made of.

A delta is text: a few named lines, an empty one, and one JSON array for each path. Names that are no UTF-8, or hold
control characters, are safe in it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, Literal

from appliance.sync.entry import leaves

FORMAT: Final = "push-mirror journal 1"

_JSON: Final = json.JSONEncoder(separators=(",", ":"))

Op = Literal["+", "l", "d", "-"]
"""A file that is new or changed; a link, the same; a directory that is new; a path that is gone."""


@dataclass(frozen=True, slots=True)
class Step:
    """What became of one path; ``size`` is bytes, ``time`` the file's own in epoch seconds.

    ``other`` is where a link points, or the path of which a hard link is another name.
    """

    op: Op
    path: str
    size: int = 0
    other: str | None = None
    time: int = 0


@dataclass(frozen=True)
class Delta:
    """What one publication changed; ``previous`` is the digest of the delta before it, empty at the begin."""

    epoch: str
    serial: int
    previous: str
    steps: tuple[Step, ...] = ()

    @cached_property
    def data(self) -> bytes:
        """The file."""
        lines = [FORMAT, f"epoch: {self.epoch}", f"serial: {self.serial}", f"previous: {self.previous}", ""]
        return "\n".join([*lines, *map(_line, self.steps), ""]).encode("ascii")

    @cached_property
    def digest(self) -> str:
        """What the next delta names as its previous one: the SHA256 of the file."""
        return hashlib.sha256(self.data).hexdigest()

    @classmethod
    def parse(cls, data: bytes) -> Delta:
        """From a file that came from somebody else. Raises ValueError for anything that is no delta."""
        head, _, body = data.decode("ascii").partition("\n\n")
        fields = _fields(head)
        steps = tuple(map(_step, body.splitlines()))
        found = cls(fields["epoch"], int(fields["serial"]), fields["previous"], steps)
        if found.data != data:
            raise ValueError("it is not written as we write one")
        return found


@dataclass(frozen=True, slots=True)
class Head:
    """Where a journal stands: its last delta and the digest of that, the oldest one there is, how many paths there are.

    ``oldest`` is one more than ``serial`` when there is no delta yet.
    """

    epoch: str
    serial: int
    oldest: int
    digest: str
    paths: int

    @property
    def data(self) -> bytes:
        """The file."""
        names = ("epoch", "serial", "oldest", "digest", "paths")
        return "\n".join([FORMAT, *(f"{name}: {getattr(self, name)}" for name in names), ""]).encode("ascii")

    @classmethod
    def parse(cls, data: bytes) -> Head:
        """From a file that came from somebody else. Raises ValueError for anything that is no head."""
        fields = _fields(data.decode("ascii").rstrip("\n"))
        serial, oldest, paths = (int(fields[name]) for name in ("serial", "oldest", "paths"))
        return cls(fields["epoch"], serial, oldest, fields["digest"], paths)


def merged(deltas: Iterable[Delta]) -> list[Step]:
    """What several publications one after the other changed in all, sorted by path: the last word on a path counts."""
    last: dict[str, Step] = {}
    for delta in deltas:
        for step in delta.steps:
            last[step.path] = step
    return [last[path] for path in sorted(last)]


class _Fields(dict[str, str]):
    def __missing__(self, key: str) -> str:
        raise ValueError(f"it has no {key}")


def _fields(head: str) -> Mapping[str, str]:
    first, *lines = head.split("\n")
    if first != FORMAT:
        raise ValueError(f"it does not begin with {FORMAT!r}")
    return _Fields((key, value) for key, _, value in (line.partition(": ") for line in lines))


def _line(step: Step) -> str:
    parts: list[Any] = [step.op, step.path]
    if step.op in ("+", "l"):
        parts += [step.size, step.time] if step.other is None else [step.size, step.time, step.other]
    return _JSON.encode(parts)


def _step(line: str) -> Step:
    try:
        parts = json.loads(line)
    except RecursionError:
        raise ValueError("it is nested without end") from None
    match parts:
        case ["+", str(path), int(size), int(time)] if _good(path) and size >= 0:
            return Step("+", path, size, time=time)
        case ["+", str(path), int(size), int(time), str(leader)] if _good(path) and _good(leader) and size >= 0:
            return Step("+", path, size, leader, time)
        case ["l", str(path), int(size), int(time), str(target)] if _good(path) and size >= 0:
            return Step("l", path, size, target, time)
        case ["d" | "-" as op, str(path)] if _good(path):
            return Step(op, path)
    raise ValueError(f"{line[:100]!r} is no step")


def _good(path: str) -> bool:
    return bool(path) and "\0" not in path and not leaves(path) and "" not in path.split("/")
