"""The RPM repositories of an archive that an update touches, each as its publisher signed it."""

from __future__ import annotations

import posixpath
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Final

from appliance.errors import Misfit, SyncError
from appliance.sync import signature, unpack
from appliance.sync.publish import staged
from appliance.sync.references import Payload
from appliance.sync.rpm import repomd
from appliance.sync.rpm.repomd import NOTHING, Repomd
from appliance.sync.rpm.repository import Repository
from appliance.sync.terms import Terms
from appliance.sync.view import View

ROOT: Final = "repodata/repomd.xml"
"""Where a repository begins, relative to its directory."""


async def repositories(view: View, terms: Terms) -> AsyncIterator[Repository]:
    """Every repository that something is staged of, at any depth. Raises SyncError for one that is not signed."""
    names = staged(view.staging)
    payload = Payload(view, terms.excluded, frozenset(names))
    for directory, touched in sorted(_touched(view, names).items()):
        name = posixpath.join(directory, ROOT)
        if terms.keyring:
            await signature.check(view, name, f"{name}.asc", terms.keyring)
        new, before = parsed(view, name, directory), _published(view.tree / name, directory)
        yield Repository(view, terms, payload, directory, name, new, before, tuple(touched))


def _touched(view: View, names: list[str]) -> Mapping[str, list[str]]:
    """The staged paths of each repository; a path belongs to the nearest one above it."""
    found: dict[str, list[str]] = defaultdict(list)
    for name in names:
        above = (str(parent) for parent in PurePosixPath(name).parents)
        directory = next((one for one in above if view.find(posixpath.normpath(f"{one}/{ROOT}"))), None)
        if directory is not None:
            found["" if directory == "." else directory].append(name)
    return found


def parsed(view: View, name: str, directory: str) -> Repomd:
    """What a repomd.xml that is here means. Raises SyncError for one that has no meaning."""
    held = view.find(name)
    assert held
    try:
        return _read(held, directory)
    except ValueError as error:
        misfit = Misfit(name, "a list of repository metadata", f"something that cannot be read as one: {error}")
        raise SyncError.misfit([misfit], [f"{name}.asc"] if view.find(f"{name}.asc") else []) from None


def _published(root: Path, directory: str) -> Repomd:
    """What is published; nothing when it is not there or cannot be read, so that all of the new one is checked."""
    try:
        return _read(root, directory)
    except (OSError, ValueError):
        return NOTHING


def _read(root: Path, directory: str) -> Repomd:
    if (size := root.stat().st_size) > repomd.LARGEST:
        raise ValueError(f"it has {size} bytes")
    return repomd.parse(unpack.blocks(root, root.name), directory)
