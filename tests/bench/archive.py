"""A Debian archive that changes: each publication replaces some packages, and all indices with them.

It publishes as archive software does: new payload first, then by-hash, the plain indices, the Release files, and the
traces; deletes come last and a publication late. Every file appears by a rename.
"""

from __future__ import annotations

import gzip
import os
import random
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import formatdate
from hashlib import sha256
from pathlib import Path
from typing import Final

SUITE: Final = "dists/bench"
TRACES: Final = "project/trace"
SERIAL: Final = 2026010100
"""The archive serial of publication 0."""
EPOCH: Final = 1_700_000_000
"""Time stamp of publication 0. Each is a second later than the one before, however fast they come: mirrors compare
whole seconds, and no real archive publishes twice within one."""

Part = tuple[str, str]
"""A component and an architecture: what has an index of its own."""


@dataclass(frozen=True, slots=True)
class Shape:
    """How big the archive is and how much of it changes: `packages` in each index, of which each publication replaces
    `replaced`; `kept` is how many publications of by-hash files there are, the current one included; `largest` is the
    size of the largest package in bytes; `testifies`: the archive's software writes the traces, and nobody else."""

    components: tuple[str, ...] = ("main", "contrib", "non-free")
    architectures: tuple[str, ...] = ("amd64", "arm64")
    packages: int = 500
    replaced: int = 2
    kept: int = 3
    largest: int = 4000
    testifies: bool = True

    @property
    def parts(self) -> list[Part]:
        """Every component with every architecture."""
        return [(component, architecture) for component in self.components for architecture in self.architectures]


@dataclass(frozen=True, slots=True)
class Package:
    """One file of the pool, and what an index says about it."""

    path: str
    data: bytes
    stanza: str


class Archive:
    """The archive below `root`; `publish` brings it from one state to the next."""

    def __init__(self, root: Path, shape: Shape | None = None) -> None:
        self.root = root
        self.published = 0
        self._shape = shape or Shape()
        self._random = random.Random(0)
        self._packages: dict[Part, list[Package]] = {part: [] for part in self._shape.parts}
        self._superseded: list[str] = []
        self._by_hash: deque[list[str]] = deque()
        self._incoming = root.with_name(f"{root.name}.incoming")
        self._incoming.mkdir(parents=True, exist_ok=True)

    def publish(self) -> None:
        """The next publication, complete when this returns."""
        self.published += 1
        overdue, self._superseded = self._superseded, self._replace_packages()
        indices = self._indices()
        hashed = {f"{path.rpartition('/')[0]}/by-hash/SHA256/{_hash(data)}": data for path, data in indices.items()}
        self._put({f"{SUITE}/{path}": data for path, data in hashed.items()})
        self._put({f"{SUITE}/{path}": data for path, data in indices.items()})
        release = self._release(indices)
        self._put({f"{SUITE}/{name}": release for name in ("Release", "InRelease")})
        if self._shape.testifies:
            self._testify()
        self._by_hash.append(list(hashed))
        if len(self._by_hash) > self._shape.kept:
            overdue += [f"{SUITE}/{path}" for path in self._by_hash.popleft()]
        for path in overdue:
            (self.root / path).unlink()

    def _replace_packages(self) -> list[str]:
        """Adds new versions to the pool; the paths that no index will name any more."""
        gone: list[str] = []
        for part, packages in self._packages.items():
            if not packages:
                packages += (self._package(part, number) for number in range(self._shape.packages))
                self._put({package.path: package.data for package in packages})
                continue
            for number in self._random.sample(range(len(packages)), self._shape.replaced):
                gone.append(packages[number].path)
                packages[number] = self._package(part, number)
                self._put({packages[number].path: packages[number].data})
        return gone

    def _package(self, part: Part, number: int) -> Package:
        (component, architecture), version = part, f"1.{self.published:06}"
        name = f"{'abcdefghij'[number % 10]}-package-{number}"
        path = f"pool/{component}/{name[0]}/{name}/{name}_{version}_{architecture}.deb"
        data = self._random.randbytes(self._random.randint(500, self._shape.largest))
        stanza = (
            f"Package: {name}\nVersion: {version}\nArchitecture: {architecture}\n"
            f"Filename: {path}\nSize: {len(data)}\nSHA256: {_hash(data)}\n\n"
        )
        return Package(path, data, stanza)

    def _indices(self) -> dict[str, bytes]:
        """The index files, by their paths below the suite."""
        found: dict[str, bytes] = {}
        for (component, architecture), packages in self._packages.items():
            listing = "".join(package.stanza for package in packages).encode()
            path = f"{component}/binary-{architecture}/Packages"
            found |= {path: listing, f"{path}.gz": gzip.compress(listing, compresslevel=1, mtime=0)}
        return found

    def _release(self, indices: Mapping[str, bytes]) -> bytes:
        lines = [f" {_hash(data)} {len(data)} {path}" for path, data in sorted(indices.items())]
        fields = {
            "Origin": "bench",
            "Suite": "bench",
            "Codename": "bench",
            "Version": str(self.published),
            "Date": formatdate(EPOCH + self.published, usegmt=True),
            "Architectures": " ".join(self._shape.architectures),
            "Components": " ".join(self._shape.components),
            "Acquire-By-Hash": "yes",
        }
        return "\n".join([*(f"{key}: {value}" for key, value in fields.items()), "SHA256:", *lines, ""]).encode()

    def _testify(self) -> None:
        """The traces of archive software: what it is called, with the serial, and `master` which leads there."""
        date = formatdate(EPOCH + self.published, usegmt=True)
        text = (
            f"{date}\nUsing dak v1\nRunning on host: origin\nArchive serial: {SERIAL + self.published}\nDate: {date}\n"
        )
        self._put({f"{TRACES}/origin": text.encode()})
        master = self.root / TRACES / "master"
        if not master.is_symlink():
            master.symlink_to("origin")

    def _put(self, files: Mapping[str, bytes]) -> None:
        """Writes the files aside and renames each into place, in their order."""
        for path, data in files.items():
            new, place = self._incoming / "file", self.root / path
            new.write_bytes(data)
            new.chmod(0o644)
            os.utime(new, (EPOCH + self.published,) * 2)
            place.parent.mkdir(parents=True, exist_ok=True)
            new.rename(place)


def _hash(data: bytes) -> str:
    return sha256(data).hexdigest()
