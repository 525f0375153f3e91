"""The suites of a Debian archive that an update touches, each as its publisher signed it."""

from __future__ import annotations

import asyncio
import posixpath
from collections.abc import AsyncIterator
from pathlib import Path, PurePosixPath
from typing import Final

from appliance.errors import Misfit, SyncError
from appliance.sync import signature
from appliance.sync.debian import release
from appliance.sync.debian.release import NOTHING, Release, parse
from appliance.sync.debian.suite import Suite
from appliance.sync.profile import Profile
from appliance.sync.publish import staged
from appliance.sync.references import Payload
from appliance.sync.terms import Terms
from appliance.sync.view import View

_PROFILE: Final = Profile("debian")


async def suites(view: View, terms: Terms) -> AsyncIterator[Suite]:
    """Every suite that something is staged of, by its root files. Raises SyncError for one that is not signed."""
    names = staged(view.staging)
    payload = Payload(view, terms.excluded, frozenset(name for name in names if not _PROFILE.knows(name)))
    directories = {posixpath.dirname(path) for path in names}
    touched = {root for directory in directories for root in _roots_of(view, directory)}
    for name in sorted(touched.union(_known(view, terms) if payload.touched and terms.payload else [])):
        # Of a hostile size it takes seconds, in which others want to be served.
        new = await asyncio.to_thread(parsed, name, await text_of(view, name, terms.keyring))
        yield Suite(view, terms, payload, name, new, _published(view.tree / name))


def _known(view: View, terms: Terms) -> list[str]:
    """The root files of every suite that is published and stays: each may name a package that is replaced."""
    listing = (root for root in terms.roots if not root.endswith(".gpg"))
    return [root for root in listing if view.find(root) and not view.is_below_link(root)]


def _roots_of(view: View, within: str) -> list[str]:
    """The root files, staged or published, of the suite that a directory belongs to: the nearest one at or above it.

    A Release file without signature and without hashes belongs to a component and is no root.
    """
    for directory in PurePosixPath(within, "-").parents:
        if view.find(str(directory / "InRelease")) or view.find(str(directory / "Release.gpg")):
            return [name for name in (str(directory / "InRelease"), str(directory / "Release")) if view.find(name)]
        lone = view.find(str(directory / "Release"))
        if lone and parsed(str(directory / "Release"), _read(str(directory / "Release"), lone)).entries:
            return [str(directory / "Release")]
    return []


async def text_of(view: View, name: str, keyring: Path | None) -> str:
    """The text of a Release file; only what the signature covers, when there is a keyring. Raises SyncError."""
    path = view.find(name)
    assert path
    text = _read(name, path)
    if keyring and path.name == "InRelease":
        return await signature.signed_text(name, keyring, path)
    if keyring:
        await signature.check(view, name, f"{name}.gpg", keyring)
    return text


def parsed(name: str, text: str) -> Release:
    """What the text of a Release file means. Raises SyncError for one that has no meaning."""
    try:
        return parse(text)
    except ValueError as error:
        raise _unreadable(name, error) from None


def _read(name: str, file: Path) -> str:
    try:
        return release.text_of(file)
    except ValueError as error:
        raise _unreadable(name, error) from None


def _unreadable(name: str, error: ValueError) -> SyncError:
    return SyncError.misfit([Misfit(name, "a Release file", f"something that cannot be read as one: {error}")])


def _published(root: Path) -> Release:
    """What is published; nothing when it is not there or cannot be read, so that all of the new one is checked."""
    try:
        return parse(release.text_of(root))
    except (OSError, ValueError):
        return NOTHING
