"""Is what we staged what its publisher signed, and does it fit together? Asked before anything is published.

Debian profile: every Release file in staging is checked against its signature (when a keyring is configured) and every
index it lists that we hold against its size and SHA256. Other profiles are published as they come; the status says so.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import posixpath
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from debian.deb822 import Release

from appliance import commands
from appliance.errors import SyncError
from appliance.sync.publish import staged

_GPGV_DEADLINE: Final = 60.0


@dataclass(frozen=True, slots=True)
class Entry:
    """One index as its Release file lists it: size in bytes and lower-case SHA256."""

    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class View:
    """The tree as readers would see it after the publication: staging over what is published now.

    ``gone`` are paths that the upstream has no more: we may still hold them for a while, but they are no part of it.
    """

    staging: Path
    tree: Path
    gone: frozenset[str] = frozenset()

    def find(self, path: str, links: int = 8) -> Path | None:
        """The file a reader would get at ``path``, or None; at most ``links`` links are followed."""
        for root in (self.staging, self.tree):
            here = root / path
            if here.is_symlink():
                target = posixpath.normpath(posixpath.join(posixpath.dirname(path), os.readlink(here)))
                return self.find(target, links - 1) if links and not target.startswith(("/", "..")) else None
            if here.is_file():
                return None if root == self.tree and path in self.gone else here
        return None


async def verify(view: View, keyring: Path | None) -> bool | None:
    """Check everything staged; True when all of it was signed, False when hashes only, None when there was no suite.

    Raises SyncError naming the first file that does not fit, with what was expected and what was found, and carrying
    the paths of all of them.
    """
    roots = sorted({root for path in staged(view.staging) for root in _roots_of(view, path)})
    misfits: dict[str, str] = {}
    for name in roots:
        release = _parsed(name, await _read(view, name, keyring))
        before = _published(view.tree / name)
        for path, entry in entries(release).items():
            whole = posixpath.join(posixpath.dirname(name), path)
            misfits |= await _check(view, whole, entry, before.get(path), _has_by_hash(release))
    if misfits:
        more = f" (and {len(misfits) - 1} more)" if len(misfits) > 1 else ""
        raise SyncError.moved(next(iter(misfits.values())) + more, [*misfits, *roots])
    return (keyring is not None) if roots else None


def _roots_of(view: View, path: str) -> list[str]:
    """The root files, staged or published, of the suite that a path belongs to: the nearest one above it.

    A Release file without signature and without hashes belongs to a component and is no root.
    """
    for directory in PurePosixPath(path).parents:
        if view.find(str(directory / "InRelease")) or view.find(str(directory / "Release.gpg")):
            return [name for name in (str(directory / "InRelease"), str(directory / "Release")) if view.find(name)]
        lone = view.find(str(directory / "Release"))
        if lone and entries(_parsed(path, lone.read_text("utf-8", "replace"))):
            return [str(directory / "Release")]
    return []


async def _read(view: View, name: str, keyring: Path | None) -> str:
    """The signed text of a Release file: only what the signature covers, when there is a keyring."""
    path = view.find(name)
    assert path
    if keyring is None:
        return path.read_text("utf-8", "replace")
    if path.name == "InRelease":
        return await _gpgv(name, keyring, [path])
    signature = view.find(f"{name}.gpg")
    if signature is None:
        raise SyncError(f"{name} has no signature", f"the upstream must publish {name}.gpg beside it")
    await _gpgv(name, keyring, [signature, path])
    return path.read_text("utf-8", "replace")


async def _gpgv(name: str, keyring: Path, files: list[Path]) -> str:
    with tempfile.TemporaryDirectory() as scratch:
        text = Path(scratch, "text")
        output = ["--output", str(text)] if len(files) == 1 else []
        argv = ["gpgv", "--keyring", str(keyring), *output, *map(str, files)]
        outcome = await commands.run(argv, deadline=_GPGV_DEADLINE, env={"HOME": scratch})
        if outcome.ok:
            return text.read_text("utf-8", "replace") if output else ""
    fact = f"{name} is not signed by a key of {keyring}: {outcome.last_words}"
    if "BAD signature" in outcome.stderr:
        # A new file beside its old signature looks the same: then the next plan brings both.
        raise SyncError.moved(fact, [name, f"{name}.gpg"])
    raise SyncError(fact, "nothing was published; if the archive changed its key, add the new one to the keyring")


def _parsed(name: str, text: str) -> Release:
    try:
        release = Release(text)
        entries(release)
    except (ValueError, KeyError) as error:
        raise SyncError.moved(f"{name} cannot be read as a Release file: {error}", [name]) from None
    return release


def entries(release: Release) -> Mapping[str, Entry]:
    """The SHA256 section of a Release file: relative path to size and hash.

    Raises ValueError for a path that leaves the suite.
    """
    listed = {line["name"]: Entry(int(line["size"]), line["sha256"].lower()) for line in release.get("SHA256", [])}
    for path in listed:
        if path.startswith("/") or ".." in path.split("/"):
            raise ValueError(f"{path!r} leads out of the suite")
    return listed


def _has_by_hash(release: Release) -> bool:
    return str(release.get("Acquire-By-Hash", "")).lower() == "yes"


def _published(release: Path) -> Mapping[str, Entry]:
    return entries(Release(release.read_text("utf-8", "replace"))) if release.is_file() else {}


async def _check(view: View, path: str, entry: Entry, before: Entry | None, by_hash: bool) -> dict[str, str]:
    """The path with what is wrong with it; nothing when it fits."""
    if entry == before and not os.path.lexists(view.staging / path):
        return {}  # checked when it was published, and not touched since
    held = view.find(path)
    if held is None:
        return {}  # we may have chosen not to carry it
    found = await asyncio.to_thread(_measure, held)
    if found != entry:
        return {path: f"{path}: expected {_words(entry)}, found {_words(found)}"}
    hashed = posixpath.join(posixpath.dirname(path), "by-hash/SHA256")
    if by_hash and (view.tree / hashed).is_dir() and view.find(f"{hashed}/{entry.sha256}") is None:
        missing = f"{hashed}/{entry.sha256}"
        return {missing: f"{missing}: expected beside {path}, found nothing"}
    return {}


def _measure(path: Path) -> Entry:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return Entry(path.stat().st_size, digest)


def _words(entry: Entry) -> str:
    return f"{entry.size} bytes, SHA256 {entry.sha256[:16]}…"
