"""What an operator asks of an update before it may be published."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

MEANT: Final = "if it is meant so: mirrorctl sync ARCHIVE --allow-rollback"
"""How an operator lets an archive go back."""


def _nothing(path: str) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Terms:
    """Without a ``keyring`` hashes alone are checked; ``payload`` tells whether also of what the indices name.

    ``excluded`` tells which paths he chose not to carry; ``roots`` are the files that readers of the published archive
    begin with, ``serial`` is the one it carries; with ``rollback`` an update may be older than that, or expired.
    """

    keyring: Path | None = None
    payload: bool = True
    excluded: Callable[[str], bool] = _nothing
    roots: tuple[str, ...] = ()
    serial: str | None = None
    rollback: bool = False
