"""What a mirror publishes, as its users see it: the master's serial in its trace files (PROTOCOL section 4)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from appliance import log, names, tracefile
from appliance.tree import overhttp
from appliance.tree.overrsync import OverRsync
from appliance.tree.reader import Reader

DEADLINE: Final = 30.0
"""Seconds for one look."""


async def serial(site: str, scratch: Path) -> tuple[str | None, str]:
    """The serial of the archive at an http, https or rsync URL, or None and the trouble. Never raises.

    ``scratch`` is a directory for a moment's file.
    """
    try:
        async with asyncio.timeout(DEADLINE):
            await names.known(site)
            if site.startswith("rsync:"):
                text = await _trace(OverRsync(site, scratch))
            else:
                async with overhttp.client() as client:
                    text = await _trace(overhttp.OverHttp(client, site))
    except TimeoutError:
        return None, f"it was told; {site} does not answer within {DEADLINE:g} s"
    except OSError as error:
        return None, f"it was told; {site}/{tracefile.MASTER}: {error}"
    except Exception as error:  # a port that is none, and whatever else a server may send us on to
        log.fault("a look at what a mirror publishes hit a fault of the appliance itself", site=site)
        return None, f"it was told; {site} cannot be looked at: {type(error).__name__}"
    if text is None:
        return None, f"it was told; {site}/{tracefile.MASTER} is not there"
    found = tracefile.serial(text)
    return (found, "") if found else (None, f"it was told; {site}/{tracefile.MASTER} has no serial")


async def carried(reader: Reader, names: Sequence[str] = ()) -> str | None:
    """The master's serial as a mirror carries it: in the master's trace, or where there is none in that of a mirror
    above it, of whose ``names`` the first that has one is taken. None without a serial; raises OSError."""
    text = await _trace(reader, names)
    return tracefile.serial(text) if text is not None else None


async def _trace(reader: Reader, names: Sequence[str] = ()) -> str | None:
    for path in (tracefile.MASTER, *(f"{tracefile.DIRECTORY}/{name}" for name in names)):
        if (text := (await reader.texts([path])).get(path)) is not None:
            return text
    return None
