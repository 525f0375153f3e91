"""Is what we staged what its publisher signed, and does it fit together? Asked before anything is published.

Debian profile: every Release file in staging is checked against its signature (when a keyring is configured) and every
index it lists that we hold against its size and SHA256. Other profiles are published as they come; the status says so.
"""

from __future__ import annotations

import asyncio
import hashlib
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
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
    """The tree as readers would see it after the publication: staging over what is published now."""

    staging: Path
    tree: Path

    def find(self, path: str) -> Path | None:
        """The file a reader would get at ``path``, or None."""
        for root in (self.staging, self.tree):
            if (root / path).is_file():
                return root / path
        return None


async def verify(view: View, keyring: Path | None) -> bool | None:
    """Check everything staged; True when all of it was signed, False when hashes only, None when there was no suite.

    Raises SyncError naming the first file that does not fit, with what was expected and what was found, and carrying
    the paths of all of them.
    """
    names = sorted({name for path in staged(view.staging) for name in _roots_of(view, path)})
    misfits: dict[str, str] = {}
    for name in names:
        listed = entries(await _read(view, name, keyring))
        before = _published(view.tree / name)
        for path, entry in listed.items():
            misfits |= _check(view, str(Path(name).parent / path), entry, before.get(path))
            await asyncio.sleep(0)
    if misfits:
        more = f" (and {len(misfits) - 1} more)" if len(misfits) > 1 else ""
        raise SyncError.moved(next(iter(misfits.values())) + more, misfits)
    return (keyring is not None) if names else None


def _roots_of(view: View, path: str) -> list[str]:
    """The Release files, staged or published, of the suite that a path belongs to: the nearest ones above it."""
    for directory in Path(path).parents:
        names = [str(directory / name) for name in ("InRelease", "Release")]
        if found := [name for name in names if view.find(name)]:
            return found
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
        if not outcome.ok:
            raise SyncError(
                f"{name} is not signed by a key of {keyring}: {outcome.last_words}",
                "nothing was published; if the archive changed its key, add the new one to the keyring",
            )
        return text.read_text("utf-8", "replace") if output else ""


def entries(text: str) -> Mapping[str, Entry]:
    """The SHA256 section of a Release file (clear-signed or not): relative path to size and hash."""
    return {line["name"]: Entry(int(line["size"]), line["sha256"].lower()) for line in Release(text).get("SHA256", [])}


def _published(release: Path) -> Mapping[str, Entry]:
    return entries(release.read_text("utf-8", "replace")) if release.is_file() else {}


def _check(view: View, path: str, entry: Entry, before: Entry | None) -> dict[str, str]:
    """The path with what is wrong with it; nothing when it fits."""
    if entry == before and not (view.staging / path).exists():
        return {}  # checked when it was published, and not touched since
    held = view.find(path)
    if held is None:
        return {}  # we may have chosen not to carry it
    found = _measure(held)
    if found != entry:
        return {path: f"{path}: expected {_words(entry)}, found {_words(found)}"}
    by_hash = Path(path).parent / "by-hash" / "SHA256"
    if (view.tree / by_hash).is_dir() and view.find(str(by_hash / entry.sha256)) is None:
        missing = str(by_hash / entry.sha256)
        return {missing: f"{missing}: expected beside {path}, found nothing"}
    return {}


def _measure(path: Path) -> Entry:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return Entry(path.stat().st_size, digest)


def _words(entry: Entry) -> str:
    return f"{entry.size} bytes, SHA256 {entry.sha256[:16]}…"
