"""Three tiers of mirrors of one kind below an archive that changes: what is attacked."""

from __future__ import annotations

import os
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import ClassVar, Final

from tests.bench.archive import SUITE, TRACES, Archive, Shape
from tests.chaos.hands import Hands
from tests.chaos.web import ARCHIVE, Web
from tests.ground.waiting import LateError, wait_for
from tests.stock import Mirror, World

SHAPE: Final = Shape(("main",), ("amd64",), packages=1500, replaced=2, largest=20_000)
"""A change must stay far below what the guard lets go at once, also many of them in one sync."""
FIRST: Final = 90.0
"""Seconds for the first sync of all tiers."""


class Tiers(ABC):
    """An origin, a hub, and leaves below it, filled; `stack` ends all of it."""

    kind: ClassVar[str]
    patience: ClassVar[float] = 1.0
    """What part of the time that a scenario gives for a recovery these are given."""

    def __init__(self, world: World, place: Path, stack: ExitStack) -> None:
        self.world, self.stack = world, stack
        self.archive = Archive(place / ARCHIVE, self.shape())
        self.archive.root.mkdir(exist_ok=True)
        self.origin: Mirror
        self.mirrors: Sequence[Mirror] = ()
        self.hands: Hands
        self.writing = threading.Lock()
        self.build(place)
        self.change()
        self.announce()
        self.wait_current(FIRST)

    @classmethod
    def shape(cls) -> Shape:
        """What the archive is like."""
        return SHAPE

    @abstractmethod
    def build(self, place: Path) -> None:
        """Starts the mirrors."""

    @abstractmethod
    def announce(self) -> None:
        """Tells that the origin has changed; returns when that was accepted, or raises LateError."""

    @abstractmethod
    def web(self, mirror: Mirror) -> Web:
        """Where a mirror's users find it."""

    @abstractmethod
    def serial(self) -> str:
        """What the origin carries."""

    @abstractmethod
    def is_quiet(self, mirror: Mirror) -> bool:
        """Whether the mirror has nothing left to do."""

    @property
    def all(self) -> list[Mirror]:
        """Everybody, the origin first."""
        return [self.origin, *self.mirrors]

    def change(self) -> None:
        """Another publication of the archive's software; nobody is told yet."""
        with self.writing:
            self.archive.publish()

    def paths(self) -> set[str]:
        """Every file that the origin has, traces aside."""
        root = self.archive.root
        found = {str(path.relative_to(root)) for path in root.rglob("*") if not path.is_dir()}
        return {path for path in found if not path.startswith(TRACES)}

    def is_current(self, mirror: Mirror) -> bool:
        """Whether a mirror shows what the origin has, and rests."""
        web, serial = self.web(mirror), self.serial()
        release = (self.archive.root / SUITE / "InRelease").read_bytes()
        return bool(serial and web.serial(mirror.name) == serial and web.release() == release and self.is_quiet(mirror))

    def wait_current(self, deadline: float) -> float:
        """Seconds until every mirror shows what the origin has; LateError names those that do not."""
        began, behind = time.monotonic(), self.all

        def look() -> bool:
            behind[:] = [mirror for mirror in behind if not self.is_current(mirror)]
            return not behind

        try:
            wait_for(look, deadline, "every mirror is current")
        except LateError as late:
            raise LateError(f"{', '.join(one.name for one in behind)} behind after {deadline:.0f} s") from late
        return time.monotonic() - began


def give_away(place: Path, owner: int) -> None:
    """Makes directories belong to who writes there later."""
    for directory, names, _ in os.walk(place):
        for path in (directory, *(f"{directory}/{name}" for name in names)):
            os.chown(path, owner, owner)
