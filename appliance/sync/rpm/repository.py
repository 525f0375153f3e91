"""One RPM repository: its repomd.xml, the files it lists, the packages they name."""

from __future__ import annotations

import asyncio
import os
import posixpath
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from appliance.clock import minute
from appliance.errors import Misfit, SyncError
from appliance.sync import unpack
from appliance.sync.entry import Reference, misfit_of
from appliance.sync.profile import is_content_addressed
from appliance.sync.references import Payload
from appliance.sync.rpm import repomd
from appliance.sync.rpm.repomd import Data, Repomd
from appliance.sync.terms import MEANT, Terms
from appliance.sync.view import View


@dataclass(frozen=True, slots=True)
class Primary:
    """A list of packages that we hold."""

    path: str
    held: Path
    repository: str

    def references(self) -> Iterator[Reference]:
        """Every package it names. Raises ValueError when it cannot be read."""
        return repomd.packages(unpack.blocks(self.held, self.path), self.repository)


@dataclass(frozen=True, slots=True)
class Repository:
    """One repomd.xml with everything it lists: as it would be, and as it was ``before``.

    ``directory`` is where the repository is, "" at the top; ``name`` is the path of its repomd.xml; ``touched`` is what
    is staged of it.
    """

    view: View
    terms: Terms
    payload: Payload
    directory: str
    name: str
    new: Repomd
    before: Repomd
    touched: tuple[str, ...] = ()

    @property
    def valid_until(self) -> float | None:
        """Repository metadata has no end."""
        return None

    async def misfits(self) -> list[Misfit]:
        """What does not fit. Raises SyncError for a repomd.xml that goes back."""
        if not self.terms.rollback and self.new.is_before(self.before):
            raise SyncError.refused(
                self.name, f"nothing older than {_age(self.before)}, which is published", _age(self.new), MEANT
            )
        found = [misfit for path, data in self.new.data.items() if (misfit := await self._data(path, data))]
        return found or (await self._packages() if self.terms.payload else [])

    async def _data(self, path: str, data: Data) -> Misfit | None:
        """What is wrong with one listed file."""
        held = self.view.find(path)
        if held is None:
            # Under a hashed name it is payload, which may be fetched at once; a plain one is for the next plan.
            lost = Misfit(path, str(data.packed), "nothing", missing=is_content_addressed(path), again=False)
            return None if self.terms.excluded(path) else lost
        if data == self.before.data.get(path) and not os.path.lexists(self.view.staging / path):
            return None  # checked when it was published, and not touched since
        return await asyncio.to_thread(_misfit, path, held, data)

    async def _packages(self) -> list[Misfit]:
        """What is wrong with the packages that are new, or about to be replaced."""
        path = self.new.primary
        held = self.view.find(path) if path else None
        if path is None or held is None or not self._concerns_packages(path):
            return []
        return await self.payload.misfits(("",), Primary(path, held, self.directory), self._published())

    def _concerns_packages(self, path: str) -> bool:
        metadata = posixpath.dirname(self.name) + "/"
        return self.new.data[path] != self.before.data.get(path) or any(
            name == path or not name.startswith(metadata) for name in self.touched
        )

    def _published(self) -> Primary | None:
        path = self.before.primary
        held = self.view.tree / path if path else None
        return Primary(path, held, self.directory) if path and held and held.is_file() else None


def _misfit(path: str, held: Path, data: Data) -> Misfit | None:
    if found := misfit_of(held, data.packed):
        return Misfit(path, str(data.packed), found)
    if data.unpacked is None or unpack.stem_of(path) == path:
        return None  # not packed, or as zchunk, which nobody reads who does not check it himself
    try:
        deque(unpack.blocks(held, path, data.unpacked), maxlen=0)
    except ValueError as error:
        return Misfit(path, f"what unpacks to {data.unpacked}", str(error))
    return None


def _age(of: Repomd) -> str:
    made = f", made {minute(of.made)}" if of.made else ""
    return f"{'no revision' if of.revision is None else f'revision {of.revision}'}{made}"
