"""Which of our publications a mirror's indices are from: a new trace over old indices deceives nobody."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from appliance.records import Publication

FEW: Final = 3
"""Files that are looked at, at each mirror: those that changed last tell most."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """The serial that a mirror's users get, None for one that we never published; and whether its indices are those of
    its trace, None when that cannot be told. Of a mirror without a trace the ``number`` of our publication is told."""

    serial: str | None
    consistent: bool | None = None
    number: int | None = None


def sentinels(publications: Sequence[Publication], serial: str | None) -> list[str]:
    """The files to look at on a mirror with this serial; of one without, those of our newest."""
    theirs = [one for one in publications if one.serial == serial] or ([*publications[-1:]] if serial is None else [])
    if not theirs:
        return []
    before = [one for one in publications if one.number <= theirs[-1].number]
    return list(dict.fromkeys((*_changes(before), *theirs[-1].digests)))[:FEW]


def _changes(publications: Sequence[Publication]) -> Iterator[str]:
    """The files that changed, the last first."""
    for older, newer in zip(reversed(publications[:-1]), reversed(publications), strict=False):
        for path, digest in newer.digests.items():
            if older.digests.get(path, digest) != digest and path in publications[-1].digests:
                yield path


def judge(publications: Sequence[Publication], serial: str | None, digests: Mapping[str, str]) -> Judgement:
    """What a mirror's users get whose trace tells this serial, and whose files have these digests.

    A file that it does not have tells nothing: it may carry a part of the archive.
    """
    if serial is None:
        same = _last(publications, digests)
        return Judgement(same.serial, None, same.number) if same else Judgement(None)
    theirs = [one for one in publications if one.serial == serial]
    if not digests or not theirs:
        return Judgement(serial)
    if _last(theirs, digests):
        return Judgement(serial, True)
    if older := _last([one for one in publications if one.number < theirs[0].number], digests):
        return Judgement(older.serial, False)
    newer = _last([one for one in publications if one.number > theirs[-1].number], digests)
    return Judgement(serial if newer else None, False)


def _last(publications: Sequence[Publication], digests: Mapping[str, str]) -> Publication | None:
    """The newest publication that has these files."""
    return next((one for one in reversed(publications) if _agrees(one, digests)), None)


def _agrees(one: Publication, digests: Mapping[str, str]) -> bool:
    """Whether a publication has these files, as far as was noted, and nothing else of their names."""
    known = [one.digests[path] == digest for path, digest in digests.items() if path in one.digests]
    return bool(known) and all(known)
