"""In which country an address is: by a database, if the operator has mounted one.

It is read into memory whole: whoever replaces the file, in whatever way, disturbs nobody.
"""

from __future__ import annotations

import asyncio
import ipaddress
import os
from pathlib import Path
from typing import Final

from maxminddb import Reader

from appliance import log
from appliance.meanwhile import meanwhile
from appliance.settings.faults import Fault
from appliance.settings.geoip import country_of, opened

OFTEN: Final = 15.0
"""Seconds between two looks whether the file is another one."""

REMEMBERED: Final = 16384
"""Addresses whose country is kept at hand."""


class Countries:
    """The countries of addresses by the database in a file; without one nothing is known of any."""

    def __init__(self, path: Path | None) -> None:
        self._reader: Reader | None = None
        self._found: dict[str, str] = {}
        self.take_over(path)

    def take_over(self, path: Path | None) -> None:
        """Use this file from now on. One that has become faulty since the settings were read is told in the log."""
        self._path, self._state = path, _state(path)
        self._use(_opened(path) if path else None, anyway=not path)

    def of(self, address: str) -> str:
        """The country of an address, two small letters; empty when it is not known."""
        found = self._found.get(address)
        if found is None:
            if len(self._found) >= REMEMBERED:
                self._found.clear()
            found = self._found[address] = self._look_up(address)
        return found

    def _look_up(self, address: str) -> str:
        if self._reader is None:
            return ""
        try:
            place = ipaddress.ip_address(address)
            inner = place.ipv4_mapped if isinstance(place, ipaddress.IPv6Address) else None
            return country_of(self._reader.get(inner or place))
        except Exception:  # a broken record is an address of which nothing is known
            return ""

    async def work(self) -> None:
        """Use what is in the file when it changes, until cancelled; while that is faulty, what was there before."""
        while True:
            await asyncio.sleep(OFTEN)
            await self.look()

    async def look(self) -> None:
        """See whether the file is another one, and use it then."""
        path, state = self._path, _state(self._path)
        if path is None or state == self._state:
            return
        self._state = state
        reader = await meanwhile(_opened, path)
        if path == self._path:
            self._use(reader)

    def _use(self, reader: Reader | None, anyway: bool = False) -> None:
        if reader or anyway:
            self._reader = reader
            self._found.clear()


def _state(path: Path | None) -> tuple[int, int, int] | None:
    """What is another one when a file is; None where there is none."""
    try:
        found = os.stat(path) if path else None
    except OSError:
        return None
    return (found.st_ino, found.st_size, found.st_mtime_ns) if found else None


def _opened(path: Path) -> Reader | None:
    try:
        reader = opened(path)
    except Fault as fault:
        reason = f"{fault.fact}; {fault.cure}"
        log.trouble("MIRROR_GEOIP cannot be used, what was there before stays in force", reason=reason)
        return None
    log.event("countries of users are known", database=reader.metadata().database_type, path=str(path))
    return reader
