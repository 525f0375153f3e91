"""What an index names and the published one did not.

Of two indices of one suite nearly all stanzas are the same, byte for byte. What stands in those is not read again: to
find them takes a fifth of the time.

Two small ones are unpacked at the same time, once each; of larger ones only numbers are kept, and the old one is
unpacked twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Final, Protocol, runtime_checkable

from appliance.sync.entry import Reference

SMALL: Final = 2 << 20
"""Bytes of an index, unpacked, of which all stanzas are kept in memory."""


class Naming(Protocol):
    """An index that names payload, of whatever kind it is: Packages, Sources, primary.xml."""

    @property
    def path(self) -> str:
        """Its path in the archive."""

    def references(self) -> Iterator[Reference]:
        """Every file it names. Raises ValueError when it cannot be read."""


@runtime_checkable
class Worded(Protocol):
    """One that is made of stanzas, each of which can be read alone."""

    def stanzas(self) -> Iterator[list[bytes]]:
        """Their texts, many at a time. Raises ValueError when it cannot be read."""

    def named_in(self, stanza: bytes) -> Iterator[Reference]:
        """The files that one of them names. Raises ValueError when it cannot be read."""


def news(new: Naming, old: Naming | None) -> Iterator[Reference]:
    """Every file that ``new`` names and ``old`` does not, or has otherwise. Raises ValueError for ``new`` only.

    An old one that cannot be read vouches for nothing. Of a file that two stanzas name, the second one may be news.
    """
    if old is None:
        yield from new.references()
        return
    if isinstance(new, Worded) and isinstance(old, Worded):
        candidates, known = _at_once(new, old) or _by_stanza(new, old)
    else:
        candidates, known = new.references(), _marks(old)
    yield from (reference for reference in candidates if mark(reference) not in known)


def mark(reference: Reference) -> int:
    """What is the same for the same file, in less memory than the reference."""
    return hash((reference.path, reference.size, reference.digest))


def _marks(old: Naming) -> set[int]:
    try:
        return {mark(reference) for reference in old.references()}
    except ValueError:
        return set()


def _at_once(new: Worded, old: Worded) -> tuple[Iterable[Reference], set[int]] | None:
    """As ``_by_stanza``; None when one of them is not small. Unpacking leaves the interpreter to the other."""
    with ThreadPoolExecutor(1) as beside:
        reading = beside.submit(_vouching, old)
        after = few(new)
        before = reading.result()
    if after is None or before is None:
        return None
    fresh, gone = set(after).difference(before), set(before).difference(after)
    candidates = [reference for stanza in after if stanza in fresh for reference in new.named_in(stanza)]
    return candidates, _named_by(old, gone) if candidates else set()


def _vouching(old: Worded) -> list[bytes] | None:
    try:
        return few(old)
    except ValueError:
        return []


def few(index: Worded) -> list[bytes] | None:
    """All stanzas of an index, None when it is not small. Raises as ``stanzas``."""
    kept: list[bytes] = []
    size = 0
    for some in index.stanzas():
        size += sum(map(len, some))
        if size > SMALL:
            return None
        kept += some
    return kept


def _by_stanza(new: Worded, old: Worded) -> tuple[Iterable[Reference], set[int]]:
    """What the stanzas name that are new, and what those did that are no more."""
    before = _numbers(old)
    candidates: list[Reference] = []
    kept: set[int] = set()
    for some in new.stanzas():
        kept |= before.intersection(map(hash, some))
        candidates += (one for stanza in some if hash(stanza) not in before for one in new.named_in(stanza))
    return candidates, _named_otherwise(old, kept) if candidates and before else set()


def _numbers(old: Worded) -> set[int]:
    """What all its stanzas are known by; nothing when it cannot be read."""
    try:
        return {number for some in old.stanzas() for number in map(hash, some)}
    except ValueError:
        return set()


def _named_otherwise(old: Worded, kept: set[int]) -> set[int]:
    return _named_by(old, (stanza for some in old.stanzas() for stanza in some if hash(stanza) not in kept))


def _named_by(old: Worded, stanzas: Iterable[bytes]) -> set[int]:
    """What these stanzas of an old index name; nothing when one of them has no meaning."""
    try:
        return {mark(reference) for stanza in stanzas for reference in old.named_in(stanza)}
    except ValueError:
        return set()
