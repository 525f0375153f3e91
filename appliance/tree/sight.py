"""What a downstream publishes, as its users see it: the master's serial in its trace files (PROTOCOL section 4)."""

from __future__ import annotations

import asyncio
import re
import tempfile
from pathlib import Path
from typing import Final

from appliance import commands

TRACE: Final = "project/trace/master"

DEADLINE: Final = 30.0
LONGEST: Final = 1 << 16
"""Seconds for one look, and bytes of a trace file."""

_SERIAL: Final = re.compile(r"^archive serial:[ \t]*([0-9]{1,18})[ \t\r]*$", re.I | re.M)


async def serial(site: str, scratch: Path) -> tuple[str | None, str]:
    """The serial of the archive at an http, https or rsync URL, or None and the trouble. Never raises.

    ``scratch`` is a directory for a moment's file.
    """
    try:
        async with asyncio.timeout(DEADLINE):
            text = await (_by_rsync(site, scratch) if site.startswith("rsync:") else _by_http(site))
    except TimeoutError:
        return None, f"it was told; {site} does not answer within {DEADLINE:g} s"
    except OSError as error:
        return None, f"it was told; {site}/{TRACE}: {error}"
    found = _SERIAL.search(text)
    return (found[1], "") if found else (None, f"it was told; {site}/{TRACE} has no serial")


async def _by_http(site: str) -> str:
    import httpx  # most mirrors have no such downstream

    text = b""
    try:
        async with (
            httpx.AsyncClient(timeout=None, follow_redirects=True, trust_env=False) as client,
            client.stream("GET", f"{site}/{TRACE}", headers={"Cache-Control": "no-cache"}) as answer,
        ):
            answer.raise_for_status()
            async for part in answer.aiter_bytes():
                text = (text + part)[:LONGEST]
    except httpx.HTTPError as error:
        raise OSError(str(error).splitlines()[0] if str(error) else type(error).__name__) from None
    return text.decode("utf-8", "replace")


async def _by_rsync(site: str, scratch: Path) -> str:
    """``master`` may be a link to another trace file."""
    with tempfile.TemporaryDirectory(dir=scratch) as directory:
        copy = Path(directory) / "trace"
        argv = ["rsync", "--copy-links", f"--max-size={LONGEST}", "--", f"{site}/{TRACE}", str(copy)]
        outcome = await commands.run(argv, deadline=DEADLINE)
        if not outcome.ok:
            raise OSError(outcome.last_words)
        return copy.read_text("utf-8", "replace")
