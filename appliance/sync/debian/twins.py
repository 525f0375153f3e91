"""Indices that need not travel: their content has come under its by-hash name, and the Release file says which it is.

What is staged so is verified as what was fetched is. It saves half of the bytes of a publication, and most of the time
that a fetch of its indices takes.
"""

from __future__ import annotations

import os
import posixpath
import re
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Final

from appliance.sync.debian.release import LARGEST
from appliance.sync.journal.delta import Step
from appliance.sync.standing import Ground

BY_HASH: Final = "by-hash/SHA256"

_LISTED: Final = re.compile(rb"^ ([0-9a-f]{64}) +[0-9]+ (\S+)$", re.MULTILINE)


def expected(steps: Iterable[Step]) -> dict[str, int]:
    """The changed files beside whose by-hash directory's new ones there is one of their size; each with its time.

    Times are epoch seconds. What is a hard link upstream is left to rsync.
    """
    files = [step for step in steps if step.op == "+" and not step.other]
    new = {(posixpath.dirname(step.path), step.size) for step in files}
    return {step.path: step.time for step in files if (_place(step.path), step.size) in new}


def stage(tree: Path, staging: Path, wanted: Mapping[str, int]) -> set[str]:
    """Copy into staging, with their times, those that the tree holds by their hash; returns their paths.

    Which hash that is, the staged Release file says that lists the path.
    """
    ground, releases = Ground(tree), _Releases(staging)
    found: set[str] = set()
    for path, time in wanted.items():
        hashed = posixpath.join(_place(path), releases.digest(path))
        if not ground.bars(hashed) and _copy(tree / hashed, staging / path, time):
            found.add(path)
    return found


def _place(path: str) -> str:
    return posixpath.join(posixpath.dirname(path), BY_HASH)


class _Releases:
    """The Release files in staging, each read once."""

    def __init__(self, staging: Path) -> None:
        self._staging = staging
        self._listed: dict[Path, dict[bytes, bytes]] = {}

    def digest(self, path: str) -> str:
        """What is listed for a path of the archive by the nearest one above it; empty when there is none."""
        for above in PurePosixPath(path).parents:
            for release in (self._staging / above / "InRelease", self._staging / above / "Release"):
                if release.is_file():
                    name = os.fsencode(PurePosixPath(path).relative_to(above))
                    return self._read(release).get(name, b"").decode("ascii")
        return ""

    def _read(self, release: Path) -> dict[bytes, bytes]:
        if release not in self._listed:
            text = release.read_bytes() if release.stat().st_size <= LARGEST else b""
            self._listed[release] = {line[2]: line[1] for line in _LISTED.finditer(text)}
        return self._listed[release]


def _copy(held: Path, target: Path, time: int) -> bool:
    """Whether it could be copied. What is in the target's place may have a second name in quarantine: it is left."""
    try:
        if held.is_symlink() or not held.is_file():
            return False
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        shutil.copyfile(held, target, follow_symlinks=False)
        os.chmod(target, 0o644)
        os.utime(target, (time, time))
    except OSError:
        return False
    return True
