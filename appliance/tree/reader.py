"""How files of a mirror are read: the way its users do, little of each, and never for long."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

PATIENCE: Final = 10.0
"""Seconds for one small file."""


class Reader(Protocol):
    """One archive at one mirror. What is not there is left out; OSError says why nothing can be seen."""

    async def texts(self, paths: Sequence[str]) -> dict[str, str]:
        """Small files (``tracefile.LONGEST``) by their paths; what is larger is not there."""

    async def digests(self, paths: Sequence[str]) -> dict[str, str]:
        """What ``digest.of`` makes of files (``digest.LARGEST``), by their paths."""

    async def listing(self) -> str:
        """What is in the trace directory, as a text that ``tracefile.names`` reads; empty when nobody tells."""
