"""Signs of life that come while somebody is being told: what is asked of him may be too early by a moment."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

_Key = tuple[str, str]
"""A downstream's name and an archive's."""


class Signs:
    """Who is being told what now, and whether he showed a sign of life meanwhile."""

    def __init__(self) -> None:
        self._seen: dict[_Key, list[bool]] = {}

    @contextmanager
    def watched(self, key: _Key) -> Iterator[None]:
        """Somebody is being told while the context lasts; signs from before it are forgotten."""
        mine = self._seen[key] = [False]
        try:
            yield
        finally:
            if self._seen.get(key) is mine:
                del self._seen[key]

    def note(self, key: _Key) -> bool:
        """A sign of life; whether its attempt is under way, so that there is something that remembers it."""
        if key not in self._seen:
            return False
        self._seen[key][0] = True
        return True

    def came(self, key: _Key) -> bool:
        """Whether there was a sign of life since the attempt that is under way began."""
        return any(self._seen.get(key, ()))
