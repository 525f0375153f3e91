"""Is what we staged what its publisher signed, and does it fit together? Asked before anything is published.

    signature ─▶ Release ─▶ every index we hold, and its by-hash name ─▶ every payload file that is newly named

A suite is looked at when anything of it is staged. Only what changed is read.
"""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from appliance.errors import Misfit, SyncError
from appliance.sync import signature, trace
from appliance.sync.profile import TRACE_DIRECTORY
from appliance.sync.publish import staged
from appliance.sync.references import Payload
from appliance.sync.release import NOTHING, Release, parse
from appliance.sync.suite import Suite
from appliance.sync.terms import MEANT, Terms
from appliance.sync.view import View


@dataclass(slots=True)
class Seal:
    """What was found about an update that fits.

    ``signed`` is None when no suite was in it; ``valid_until`` has epoch seconds for each of its root files, None for
    one without an end.
    """

    signed: bool | None = None
    valid_until: dict[str, float | None] = field(default_factory=dict)


async def verify(view: View, profile: str, terms: Terms) -> Seal:
    """Check every suite that something is staged of, and that the archive does not go back.

    Raises SyncError with all misfits found in the first suite that has any, each with what was expected and found.
    """
    if not terms.rollback:
        _refuse_old_serial(view, terms.serial)
    return await _suites(view, terms) if profile == "debian" else Seal()


async def _suites(view: View, terms: Terms) -> Seal:
    seal, payload = Seal(), Payload(view, terms.excluded)
    directories = {posixpath.dirname(path) for path in staged(view.staging)}
    for name in sorted({root for directory in directories for root in _roots_of(view, directory)}):
        release = _parsed(name, await _text(view, name, terms.keyring))
        suite = Suite(view, terms, payload, name, release, _published(view.tree / name))
        if misfits := await suite.misfits():
            raise SyncError.misfit(misfits, [name])
        seal.valid_until[name] = release.valid_until
        seal.signed = terms.keyring is not None
    return seal


def _refuse_old_serial(view: View, ours: str | None) -> None:
    master = view.find(f"{TRACE_DIRECTORY}/master")
    theirs = trace.field_of(master, trace.SERIAL) if master else None
    if ours and theirs and ours.isdecimal() and theirs.isdecimal() and int(theirs) < int(ours):
        raise SyncError.refused(
            f"{TRACE_DIRECTORY}/master", f"no serial before {ours}, which is published", theirs, MEANT
        )


def _roots_of(view: View, within: str) -> list[str]:
    """The root files, staged or published, of the suite that a directory belongs to: the nearest one at or above it.

    A Release file without signature and without hashes belongs to a component and is no root.
    """
    for directory in PurePosixPath(within, "-").parents:
        if view.find(str(directory / "InRelease")) or view.find(str(directory / "Release.gpg")):
            return [name for name in (str(directory / "InRelease"), str(directory / "Release")) if view.find(name)]
        lone = view.find(str(directory / "Release"))
        if lone and _parsed(str(directory / "Release"), lone.read_text("utf-8", "replace")).entries:
            return [str(directory / "Release")]
    return []


async def _text(view: View, name: str, keyring: Path | None) -> str:
    """The text of a Release file; only what the signature covers, when there is a keyring."""
    path = view.find(name)
    assert path
    if keyring and path.name == "InRelease":
        return await signature.signed_text(name, keyring, path)
    if keyring:
        detached = view.find(f"{name}.gpg")
        if detached is None:
            raise SyncError.refused(name, f"a signature, {name}.gpg beside it", "none", "the upstream must sign it")
        await signature.check(name, keyring, path, detached)
    return path.read_text("utf-8", "replace")


def _parsed(name: str, text: str) -> Release:
    try:
        return parse(text)
    except ValueError as error:
        misfit = Misfit(name, "a Release file", f"something that cannot be read as one: {error}")
        raise SyncError.misfit([misfit]) from None


def _published(release: Path) -> Release:
    """What is published; nothing when it is not there or cannot be read, so that all of the new one is checked."""
    try:
        return parse(release.read_text("utf-8", "replace"))
    except (OSError, ValueError):
        return NOTHING
