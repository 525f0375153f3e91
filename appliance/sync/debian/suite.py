"""One suite of a Debian archive: its root file, the indices it lists, the payload they name."""

from __future__ import annotations

import os
import posixpath
import time
from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from appliance.clock import minute
from appliance.errors import Misfit, SyncError
from appliance.sync import unpack
from appliance.sync.debian.indices import Index, bases_of, is_index, published_of
from appliance.sync.debian.release import NOTHING, Release
from appliance.sync.entry import Entry
from appliance.sync.references import Payload
from appliance.sync.terms import MEANT, Terms
from appliance.sync.view import View

AHEAD: Final = 86400.0
"""Seconds that a publisher's clock may be before ours."""


@dataclass(frozen=True, slots=True)
class Suite:
    """One root file with everything below it: as it would be, and as it was ``before``."""

    view: View
    terms: Terms
    payload: Payload
    name: str
    release: Release
    before: Release

    @property
    def valid_until(self) -> float | None:
        """Epoch seconds, None without an end."""
        return self.release.valid_until

    async def misfits(self) -> list[Misfit]:
        """What does not fit. Raises SyncError for a Release file that must not be published whatever it lists."""
        if not self.release.has_sums:
            cure = "if the archive is as old as that, only VERIFY=off takes it"
            raise SyncError.refused(self.name, "a list of SHA256 sums", "none", cure)
        if not self.terms.rollback:
            self._refuse_old(time.time())
        found = [misfit for path, entry in self.release.entries.items() for misfit in await self._index(path, entry)]
        found += self._lost() or self._bare()
        return found or (await self._named() if self.terms.payload else [])

    def within(self, wanted: Callable[[str], bool]) -> Suite:
        """The same with these of its indices only, by their plain or their by-hash names."""
        listed = self.release.entries.items()
        kept = {
            path: entry for path, entry in listed if any(map(wanted, (self._whole(path), self._hashed(path, entry))))
        }
        return replace(self, release=replace(self.release, entries=kept))

    def lost_names(self) -> list[Misfit]:
        """Indices that are here by their by-hash name alone.

        An empty one has the by-hash name of any other, and one that was never here has none.
        """
        listed = self.release.entries.items() if self.release.by_hash else ()
        lost = [(self._whole(path), entry) for path, entry in listed if entry.size and self._is_lost(path, entry)]
        return [Misfit(whole, str(entry), "nothing", missing=True) for whole, entry in lost]

    def _is_lost(self, path: str, entry: Entry) -> bool:
        whole = self._whole(path)
        found = self.view.find(whole) or self.terms.excluded(whole)
        return not found and self.view.find(self._hashed(path, entry)) is not None

    def indices(self, broken: Container[str]) -> Iterator[Index]:
        """What names payload and is to be read, each in the cheapest form that is not ``broken``."""
        for stem in sorted({unpack.stem_of(path) for path in self.release.entries if is_index(path)}):
            if (self.payload.touched or self._is_new(stem)) and (index := self._held(stem, broken)):
                yield index

    def _refuse_old(self, now: float) -> None:
        ours, theirs = self.before.date, self.release.date
        if ours and theirs and theirs < ours:
            raise SyncError.refused(
                self.name, f"a date not before {minute(ours)}, which is published", f"one of {minute(theirs)}", MEANT
            )
        if theirs and theirs > now + AHEAD and self.release != self.before:
            # To apt it is not valid yet, and whatever comes next would be older.
            raise SyncError.refused(self.name, "a date that has come", f"one of {minute(theirs)}", MEANT)
        until = self.release.valid_until
        if self.before is not NOTHING and self.release != self.before and until and until < now:
            raise SyncError.refused(
                self.name, "a Release file that is valid now", f"one that expired {minute(until)}", MEANT
            )

    async def _index(self, path: str, entry: Entry) -> list[Misfit]:
        """What is wrong with one listed file and its by-hash name, when we hold them."""
        whole, hashed = self._whole(path), self._hashed(path, entry)
        if entry == self.before.entries.get(path) and not self._is_staged(whole, hashed):
            return []  # checked when it was published, and not touched since
        plain = self.view.find(whole)
        by_hash = self.view.find(hashed) if self.release.by_hash else None
        found = [
            await self.payload.index_misfit(name, held, entry)
            for name, held in ((whole, plain), (hashed, by_hash))
            if held
        ]
        if self.view.is_directory(whole):
            found.append(Misfit(whole, str(entry), "a directory", again=False))
        if plain and not by_hash and self.release.by_hash and self._misses(path, hashed):
            found.append(Misfit(hashed, f"the same as {whole}", "nothing", missing=True))
        return [misfit for misfit in found if misfit]

    def _misses(self, path: str, hashed: str) -> bool:
        """Whether a by-hash name should be here.

        Not every archive has one for each of its files, and apt then takes the plain name: an update must have those
        that the published files have. Of what is published, whatever is beside others is thought to have had one.
        """
        before = self.before.entries.get(path)
        if self._is_staged(self._whole(path)):
            known = before is not None and (self.view.tree / self._hashed(path, before)).is_file()
        else:
            known = (self.view.tree / hashed).parent.is_dir()
        return known and not self.terms.excluded(hashed)

    def _lost(self) -> list[Misfit]:
        """Indices that are still listed, and of which no form is left upstream although one is published."""
        published = {unpack.stem_of(path) for path in self.release.entries if self._is_published(self._whole(path))}
        lost = [stem for stem in sorted(published) if not any(self._listed(stem))]
        return [Misfit(self._whole(stem), "an index, as listed", "nothing", again=False) for stem in lost]

    def _bare(self) -> list[Misfit]:
        """A suite that lists what names packages, and nothing of it is here: then half of it is still to come.

        One of several architectures may be missing: an archive may list more of them than it carries.
        """
        naming = {path: entry for path, entry in self.release.entries.items() if entry.size and is_index(path)}
        wanted = {path: entry for path, entry in naming.items() if not self.terms.excluded(self._whole(path))}
        names = (name for path, entry in wanted.items() for name in (self._whole(path), self._hashed(path, entry)))
        if not wanted or any(map(self.view.find, names)):
            return []
        return [Misfit(self._whole(min(wanted)), "this index or another one that is listed", "none", again=False)]

    def _is_staged(self, *names: str) -> bool:
        return any(os.path.lexists(self.view.staging / name) for name in names)

    def _is_published(self, whole: str) -> bool:
        return (self.view.tree / whole).is_file() and not self.terms.excluded(whole)

    def _listed(self, stem: str) -> Iterator[Path | None]:
        return (self.view.find(self._whole(path)) for path in _forms(stem) if path in self.release.entries)

    async def _named(self) -> list[Misfit]:
        """What is wrong with the payload that the new indices name."""
        found: list[Misfit] = []
        for new in self.indices(broken=()):
            found += await self.payload.misfits(bases_of(posixpath.dirname(self.name)), new, self._old(new))
        return found

    def _is_new(self, stem: str) -> bool:
        return any(
            self.release.entries.get(path) != self.before.entries.get(path) or self._is_staged(self._whole(path))
            for path in _forms(stem)
        )

    def _held(self, stem: str, broken: Container[str]) -> Index | None:
        """The form of an index that is cheapest to read, by its plain or its by-hash name."""
        unpacked = self.release.entries.get(stem)
        for path in _forms(stem):
            if entry := self.release.entries.get(path):
                names = (name for name in (self._whole(path), self._hashed(path, entry)) if name not in broken)
                if held := next(filter(None, map(self.view.find, names)), None):
                    return Index(self._whole(path), held, unpacked)
        return None

    def _old(self, new: Index) -> Index | None:
        """The published form of the same index."""
        return published_of(self.view.tree, new.path)

    def _whole(self, path: str) -> str:
        return posixpath.join(posixpath.dirname(self.name), path)

    def _hashed(self, path: str, entry: Entry) -> str:
        return posixpath.join(posixpath.dirname(self._whole(path)), "by-hash/SHA256", entry.digest)


def _forms(stem: str) -> list[str]:
    return [stem + suffix for suffix in unpack.SUFFIXES]
