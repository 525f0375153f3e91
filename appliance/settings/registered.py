"""A mirror that we know of because its operator has told us of it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RegisteredMirror:
    """One mirror as it was registered.

    ``archives`` empty: all of ours; ``urls`` are where its users find an archive, the best first, each without a slash
    at its end and with ``*`` for the archive's name; ``parent`` is the name of the mirror it fetches from; ``weight``
    is its share of the users; one that is not ``listed`` is watched, and no user is sent to it. ``contact``,
    ``bandwidth`` and ``sponsor`` are for people: nothing here depends on them.
    """

    name: str
    urls: tuple[str, ...] = ()
    archives: tuple[str, ...] = ()
    contact: str = ""
    country: str = ""
    bandwidth: str = ""
    sponsor: str = ""
    parent: str = ""
    weight: int = 100
    listed: bool = True

    def carries(self, archive: str) -> bool:
        """Whether it has registered for an archive of ours."""
        return not self.archives or archive in self.archives

    def urls_of(self, archive: str) -> tuple[str, ...]:
        """Where users find an archive, without a slash at the end; empty when it does not carry it."""
        return tuple(url.replace("*", archive) for url in self.urls) if self.carries(archive) else ()

    def __str__(self) -> str:
        return self.name
