"""How files of a mirror are read: the way its users do, little of each, and never for long."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

PATIENCE: Final = 10.0
"""Seconds for one small file."""

LARGEST: Final = 10_000_000
"""Bytes of an index that is compared (apt takes no larger Release file)."""


class Reader(Protocol):
    """One archive at one mirror. What is not there is left out; OSError says why nothing can be seen."""

    async def texts(self, paths: Sequence[str]) -> dict[str, str]:
        """Small files (``tracefile.LONGEST``) by their paths; what is larger is not there."""

    async def digests(self, paths: Sequence[str]) -> dict[str, str]:
        """What ``digest.of`` makes of files, by their paths."""

    async def traces(self) -> dict[str, str]:
        """The files of the trace directory by their names, ``_hierarchy`` among them."""
