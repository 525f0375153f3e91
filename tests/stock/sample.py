"""A small archive with everything that mirrors treat in a way of its own, in numbered versions.

Between two versions a package is new, one is gone with its directory, one has other bytes under its old name, and all
indices change.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
from collections import ChainMap
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

Entry = bytes | str | PurePosixPath | None
"""What is at a path: the bytes of a file, the target of a symbolic link, the path that a hard link is one with, or
None for a directory."""

Tree = Mapping[str, Entry]

Facts = tuple[int, int, int]
"""Mode, time and owner."""

EPOCH: Final = 1_790_000_000
"""Time stamp of everything in version 0; a version is an hour."""

ARCHITECTURES: Final = ("amd64", "i386")
SUITE: Final = "dists/demo"


@dataclass(frozen=True, slots=True)
class Sample:
    """One version of the archive. `more` are further payload files, by path."""

    version: int = 1
    more: tuple[tuple[str, bytes], ...] = ()

    def tree(self) -> dict[str, Entry]:
        """Every path with what is there."""
        indices = _indices(self.version)
        suite = {f"{SUITE}/{path}": data for path, data in indices.items()}
        release = _release(self.version, indices).encode()
        # What was goes on, as in real archives; one that loses half of its files at once makes mirrors suspicious.
        kept = [{**_packages(number), **_by_hash(_indices(number))} for number in range(1, self.version + 1)]
        return {
            **ChainMap(*kept), **_beside(self.version), **_fleeting(self.version), **dict(self.more), **suite,
            f"{SUITE}/Release": release,
            f"{SUITE}/InRelease": release,
            "dists/stable": "demo",
        }  # fmt: skip

    def gone(self) -> list[str]:
        """What the version before had and this one has not."""
        before = Sample(self.version - 1, self.more).tree() if self.version > 1 else {}
        return sorted(set(before) - set(self.tree()))

    def changed(self) -> dict[str, Entry]:
        """What the version before has not, or has otherwise: with `gone`, the way from there to here."""
        before = Sample(self.version - 1).tree() if self.version > 1 else {}
        return {path: entry for path, entry in self.tree().items() if before.get(path) != entry}

    @property
    def time(self) -> int:
        """Time stamp of what is new in this version."""
        return EPOCH + 3600 * self.version


def _packages(version: int) -> dict[str, Entry]:
    """What a version adds to the pool and beside the indices."""
    source = f"pool/main/h/hello/hello_{version}"
    files: dict[str, Entry] = {
        f"{source}_{architecture}.deb": _package(version, architecture) for architecture in (*ARCHITECTURES, "all")
    }
    for architecture in ARCHITECTURES:
        images = f"{SUITE}/main/installer-{architecture}/{version}/images"
        files[f"{images}/SHA256SUMS"] = f"images {version}\n".encode()
        files[f"{images}/netboot.img"] = f"netboot {version}\n".encode()
        patch = f"{SUITE}/main/binary-{architecture}/Packages.diff/T-{version}.gz"
        files[patch] = gzip.compress(f"patch {version}".encode(), mtime=0)
    return {
        **files,
        f"{source}.dsc": _description(version),
        f"{source}.orig.tar.gz": gzip.compress(f"origin {version}".encode(), mtime=0),
        f"{source}.diff.gz": gzip.compress(f"diff {version}".encode(), mtime=0),
        f"pool/main/h/hello-installer/hello-installer_{version}_amd64.udeb": b"udeb" * version,
        # The same bytes and the same inode under a second name.
        f"pool/main/t/twin/twin_{version}.orig.tar.gz": PurePosixPath(f"{source}.orig.tar.gz"),
    }


def _fleeting(version: int) -> dict[str, Entry]:
    """What is in one version only, or in every version otherwise."""
    return {
        f"pool/main/g/gone-{version}/gone_{version}_all.deb": f"gone after version {version}\n".encode(),
        "pool/main/r/rewritten/rewritten_1_all.deb": f"rewritten, {'a' if version % 2 else 'b'}\n".encode(),
    }


def _beside(version: int) -> dict[str, Entry]:
    """What is in an archive beside pool and suite."""
    listing = "\n".join(sorted(_packages(version))).encode()
    return {
        "README": b"A small archive.\n",
        "doc/notes.txt": f"notes {version}\n".encode(),
        "doc/README": "../README",
        "indices/files/arch-amd64.files": listing,
        "indices/files/arch-i386.list.gz": gzip.compress(listing, mtime=0),
        "indices/md5sums.gz": gzip.compress(f"sums {version}".encode(), mtime=0),
        "ls-lR.gz": gzip.compress(listing, mtime=0),
        "pool/main/s/steady/steady_1_amd64.deb": b"always the same\n",
    }


def _indices(version: int) -> dict[str, Entry]:
    """The index files of the suite, relative to it: links aside, what Release lists."""
    found: dict[str, Entry] = {}
    for architecture in ARCHITECTURES:
        listing = _listing(version, architecture)
        binary = f"main/binary-{architecture}"
        found[f"{binary}/Packages"] = listing
        found[f"{binary}/Packages.gz"] = gzip.compress(listing, mtime=0)
        found[f"{binary}/Packages.diff/Index"] = f"pdiff index {version}\n".encode()
        found[f"{binary}/Release"] = f"Archive: demo\nArchitecture: {architecture}\nVersion: {version}\n".encode()
        found[f"main/Contents-{architecture}.gz"] = gzip.compress(f"contents {version}".encode(), mtime=0)
        found[f"main/dep11/Components-{architecture}.yml.gz"] = gzip.compress(f"dep11 {version}".encode(), mtime=0)
        found[f"main/installer-{architecture}/current"] = str(version)
    found["main/source/Sources.gz"] = gzip.compress(_sources(version), mtime=0)
    found["main/i18n/Translation-en.gz"] = gzip.compress(f"Package: hello {version}\n".encode(), mtime=0)
    return found


def _listing(version: int, architecture: str) -> bytes:
    path = f"pool/main/h/hello/hello_{version}_{architecture}.deb"
    data = _package(version, architecture)
    return (
        f"Package: hello\nVersion: {version}\nArchitecture: {architecture}\nFilename: {path}\n"
        f"Size: {len(data)}\nSHA256: {_sha256(data)}\n\n"
    ).encode()


def _sources(version: int) -> bytes:
    data = _description(version)
    return (
        f"Package: hello\nVersion: {version}\nDirectory: pool/main/h/hello\n"
        f"Checksums-Sha256:\n {_sha256(data)} {len(data)} hello_{version}.dsc\n\n"
    ).encode()


def _package(version: int, architecture: str) -> bytes:
    return f"hello {version} {architecture}\n".encode() * 40


def _description(version: int) -> bytes:
    return f"source of hello {version}\n".encode()


def _listed(indices: Mapping[str, Entry]) -> dict[str, bytes]:
    return {path: data for path, data in indices.items() if isinstance(data, bytes)}


def _by_hash(indices: Mapping[str, Entry]) -> dict[str, Entry]:
    """The indices once more under their hashes, as archives keep them for clients in the middle of an update."""
    wanted = [(PurePosixPath(path).parent, data) for path, data in _listed(indices).items()]
    return {f"{SUITE}/{directory}/by-hash/SHA256/{_sha256(data)}": data for directory, data in wanted}


def _release(version: int, indices: Mapping[str, Entry]) -> str:
    lines = [f" {_sha256(data)} {len(data)} {path}" for path, data in sorted(_listed(indices).items())]
    head = f"Origin: sample\nSuite: demo\nCodename: demo\nVersion: {version}\nArchitectures: {' '.join(ARCHITECTURES)}"
    return "\n".join([head, "Components: main", "Acquire-By-Hash: yes", "SHA256:", *lines, ""])


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def tar(entries: Tree, time: int = 0, owner: int = 0, mode: int = 0o644) -> bytes:
    """The tree as a tar archive, directories included, hard links behind what they are one with."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for path in _directories(entries):
            archive.addfile(_member(path, tarfile.DIRTYPE, (0o755, time, owner)))
        for path in sorted(entries, key=lambda path: (isinstance(entries[path], PurePosixPath), path)):
            if (entry := entries[path]) is not None:
                _add(archive, path, entry, (mode, time, owner))
    return buffer.getvalue()


def _add(archive: tarfile.TarFile, path: str, entry: bytes | str | PurePosixPath, facts: Facts) -> None:
    if isinstance(entry, bytes):
        member = _member(path, tarfile.REGTYPE, facts)
        member.size = len(entry)
        archive.addfile(member, io.BytesIO(entry))
        return
    kind = tarfile.SYMTYPE if isinstance(entry, str) else tarfile.LNKTYPE
    member = _member(path, kind, facts)
    member.linkname = str(entry)
    archive.addfile(member)


def _member(path: str, kind: bytes, facts: Facts) -> tarfile.TarInfo:
    member = tarfile.TarInfo(path)
    member.type = kind
    member.mode, member.mtime, member.uid = facts
    member.gid = member.uid
    return member


def _directories(entries: Tree) -> list[str]:
    empty = {path for path, entry in entries.items() if entry is None}
    return sorted(empty | {str(parent) for path in entries for parent in PurePosixPath(path).parents} - {"."})
