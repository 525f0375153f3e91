"""A mirror's files by rsync: one short connection for a handful of them."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from appliance import commands, digest, tracefile
from appliance.tree.reader import PATIENCE

_PARTIAL: Final = (23, 24)
"""rsync's exit codes when some of the files were not there (rsync(1))."""

_MEMORY: Final = 256 << 20
"""Bytes of address space: a listing comes as a whole, so an endless one ends here."""

_LONG: Final = 60

_OPTIONS: Final = ("--no-motd", f"--timeout={int(PATIENCE)}", f"--contimeout={int(PATIENCE)}")

_Files = Iterable[tuple[str, Path]]
"""Files with the paths that they were asked for by."""


class OverRsync:
    """One archive at one mirror; ``scratch`` is a directory for a moment's files."""

    def __init__(self, site: str, scratch: Path) -> None:
        self._site, self._scratch = site, scratch

    async def texts(self, paths: Sequence[str]) -> dict[str, str]:
        """See ``Reader``."""
        return await self._read(paths, tracefile.LONGEST, PATIENCE, _texts)

    async def digests(self, paths: Sequence[str]) -> dict[str, str]:
        """See ``Reader``."""
        return await self._read(paths, digest.LARGEST, _LONG, _digests)

    async def listing(self) -> str:
        """See ``Reader``; the last of very many."""
        argv = ["rsync", *_OPTIONS, "--list-only", "--", f"{self._site}/{tracefile.DIRECTORY}/"]
        outcome = await commands.run(argv, deadline=PATIENCE, memory=_MEMORY)
        return "\n".join(line.split()[-1] for line in outcome.stdout.splitlines() if line.startswith("-"))

    async def _read(
        self,
        paths: Sequence[str],
        largest: int,
        deadline: float,
        read: Callable[[Iterable[tuple[str, Path]]], dict[str, str]],
    ) -> dict[str, str]:
        """What was made of each file that is there. ``master`` may be a link to another trace file."""
        if not paths:
            return {}
        with tempfile.TemporaryDirectory(dir=self._scratch, prefix="look-") as directory:
            argv = [
                "rsync", *_OPTIONS, "--relative", "--copy-links", f"--max-size={largest}", "--",
                *(f"{self._site}/./{path}" for path in paths), f"{directory}/",
            ]  # fmt: skip
            # What a daemon says of a file's size binds it to nothing.
            outcome = await commands.run(argv, deadline=deadline, memory=_MEMORY, largest=largest)
            if outcome.code == commands.TIMED_OUT:
                raise TimeoutError
            if outcome.code not in (0, *_PARTIAL):
                raise OSError(_said(outcome.stderr) or outcome.last_words)
            return read(_came(Path(directory), paths))


def _came(directory: Path, paths: Sequence[str]) -> Iterator[tuple[str, Path]]:
    """Those of the files that were asked for which came, as files."""
    for path in paths:
        if (file := directory / path).is_file() and not file.is_symlink():
            yield path, file


def _texts(files: _Files) -> dict[str, str]:
    return {path: file.read_text("utf-8", "replace") for path, file in files}


def _digests(files: _Files) -> dict[str, str]:
    return {path: digest.of(file) for path, file in files}


def _said(stderr: str) -> str:
    """What the daemon said, which stands above what rsync makes of it."""
    said = [line.removeprefix("@ERROR: ") for line in stderr.splitlines() if line.startswith("@ERROR: ")]
    return said[-1] if said else ""
