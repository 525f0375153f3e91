"""What became of those who asked to be sent to a mirror, counted since the container's start; in memory alone."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

FALLBACKS: Final = ("own", "nobody", "busy")
"""Why a client got a file from ourselves: nobody else may have it; nobody who is fit has it; nginx did not wait for us,
or the client asked too fast."""

REFUSALS: Final = ("path", "method")
"""What was wrong with a request that was refused."""


@dataclass(slots=True)
class Redirected:
    """Counts: of those ``sent`` by archive and mirror, those who were ``kept`` by archive and reason (not ``busy``:
    that is nginx's to say), those who were ``refused`` by reason."""

    sent: Counter[tuple[str, str]] = field(default_factory=Counter)
    kept: Counter[tuple[str, str]] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
