"""A mirror's files by rsync: one short connection for a handful of them."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, TypeVar

from appliance import commands, digest, tracefile
from appliance.tree.reader import LARGEST, PATIENCE

_PARTIAL: Final = (23, 24)
"""rsync's exit codes when some of the files were not there (rsync(1))."""

_MEMORY: Final = 256 << 20
"""Bytes of address space: a directory comes as a whole, so an endless one ends here."""

_LONG: Final = 60

_Read = TypeVar("_Read")


class OverRsync:
    """One archive at one mirror; ``scratch`` is a directory for a moment's files."""

    def __init__(self, site: str, scratch: Path) -> None:
        self._site, self._scratch = site, scratch

    async def texts(self, paths: Sequence[str]) -> dict[str, str]:
        """See ``Reader``."""
        return await self._read(paths, tracefile.LONGEST, PATIENCE, _texts)

    async def digests(self, paths: Sequence[str]) -> dict[str, str]:
        """See ``Reader``."""
        return await self._read(paths, LARGEST, _LONG, _digests)

    async def traces(self) -> dict[str, str]:
        """See ``Reader``."""
        found = await self._read([f"{tracefile.DIRECTORY}/"], tracefile.LONGEST, PATIENCE, _texts)
        return {path.rpartition("/")[2]: text for path, text in found.items()}

    async def _read(
        self, paths: Sequence[str], largest: int, deadline: float, read: Callable[[Path], dict[str, _Read]]
    ) -> dict[str, _Read]:
        """What was made of each file that is there. ``master`` may be a link to another trace file."""
        if not paths:
            return {}
        with tempfile.TemporaryDirectory(dir=self._scratch, prefix="look-") as directory:
            argv = [
                "rsync", "--dirs", "--relative", "--copy-links", "--no-motd", f"--max-size={largest}",
                f"--timeout={int(PATIENCE)}", f"--contimeout={int(PATIENCE)}", "--",
                *(f"{self._site}/./{path}" for path in paths), f"{directory}/",
            ]  # fmt: skip
            outcome = await commands.run(argv, deadline=deadline, memory=_MEMORY)
            if outcome.code == commands.TIMED_OUT:
                raise TimeoutError
            if outcome.code not in (0, *_PARTIAL):
                raise OSError(_said(outcome.stderr) or outcome.last_words)
            return read(Path(directory))


def _files(directory: Path) -> Iterator[tuple[str, Path]]:
    """The files that came; a daemon may have sent anything."""
    for place, _, names in os.walk(directory):
        for name in names[:1000]:
            file = Path(place, name)
            if file.is_file() and not file.is_symlink():
                yield str(file.relative_to(directory)), file


def _texts(directory: Path) -> dict[str, str]:
    found: dict[str, str] = {}
    for path, file in _files(directory):
        name = path.rpartition("/")[2]
        if len(found) <= tracefile.MOST and (name.startswith("_") or name == "master" or tracefile.is_trace(name)):
            with suppress(OSError):
                found[path] = file.read_text("utf-8", "replace")
    return found


def _digests(directory: Path) -> dict[str, str]:
    return {path: digest.of(file) for path, file in _files(directory)}


def _said(stderr: str) -> str:
    """What the daemon said, which stands above what rsync makes of it."""
    said = [line.removeprefix("@ERROR: ") for line in stderr.splitlines() if line.startswith("@ERROR: ")]
    return said[-1] if said else ""
