"""How far a mirror is behind: by the master's serial as it carries it, and by when that was overtaken here.

No clock but ours is looked at, and who carries our serial is fresh however old that is.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from appliance.records import Fresh, Publication, serial_number

HOUR: Final = 3600.0

STALE: Final = 8 * HOUR
UNLISTED: Final = 24 * HOUR
BAD: Final = 48 * HOUR
"""Seconds behind us from which on a mirror is called so."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A mirror beside us: the word for it, how many publications it lacks, and for how many seconds already."""

    fresh: Fresh = "unknown"
    missed: int | None = None
    lag: float | None = None


class History:
    """The serials that were published here, each with the time when it first was."""

    def __init__(self, publications: Iterable[Publication] = ()) -> None:
        self.publications = tuple(publications)
        first: dict[int, float] = {}
        for one in self.publications:
            if (number := serial_number(one.serial)) is not None:
                first.setdefault(number, one.published)
        # Who went back carries nothing that is newer, and nobody lacks it.
        newest = serial_number(self.publications[-1].serial) if self.publications else None
        self._serials = sorted(serial for serial in first if newest is None or serial <= newest)
        self._times = [first[serial] for serial in self._serials]

    def after(self, serial: int) -> list[float]:
        """When the serials behind this one were published here; not more than is remembered."""
        return self._times[bisect_right(self._serials, serial) :]

    def standing(self, serial: str | None, now: float, unseen: float = 0.0, publication: int | None = None) -> Standing:
        """Where a mirror stands that carried this serial when it was last seen, ``unseen`` seconds ago.

        Where there are no serials it is known by the number of our ``publication`` that it had. For whom nobody can see
        it may be anything by now: then it is called what it would be at the worst.
        """
        missing = self._missing(serial, publication)
        if missing is None:
            return Standing()
        # A clock that was set back leaves later serials with earlier times.
        lag = max(0.0, now - min(missing)) if missing else 0.0
        return Standing(word(max(lag, unseen)), len(missing), lag)

    def _missing(self, serial: str | None, publication: int | None) -> list[float] | None:
        """When what it lacks was published here; None when nobody knows."""
        number = serial_number(serial)
        if number is not None and self._serials:
            return self.after(number)
        if serial is None and publication is not None:
            return [one.published for one in self.publications if one.number > publication]
        return None


def word(lag: float) -> Fresh:
    """What a mirror is called that is so many seconds behind."""
    if lag > BAD:
        return "bad"
    if lag > UNLISTED:
        return "unlisted"
    return "stale" if lag > STALE else "fresh"
