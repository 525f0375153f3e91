"""A Debian archive of any number of files, built and changed quickly: runs where the archive is, standard library only.

    python3 -m tests.bench.large ROOT build FILES
    python3 -m tests.bench.large ROOT change COUNT [--spread]

So many packages in a pool, four of each architecture to a source's directory, each a few hundred bytes that differ from
all others. Every 5 000 packages of an architecture have one index (`Packages.gz` and `.xz`, by-hash too, with true
SHA256; Release lists the unpacked one as well, as Debian's does), every two indices one suite: an archive of a million
files is a hundred suites, and not one with indices of a gigabyte. A change replaces packages by their next version and
writes the indices that name them, and their Release files, anew: those of the newest suite, as a push does, or with
`--spread` those of all.
"""

from __future__ import annotations

import argparse
import gzip
import lzma
import os
import random
import time
from array import array
from collections.abc import Iterable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from email.utils import formatdate
from hashlib import sha256
from pathlib import Path
from typing import Final

ARCHITECTURES: Final = ("amd64", "arm64")
SUITE: Final = 10_000
"""Packages of a suite; whole sources."""
SOURCE: Final = 8
"""Packages of a source."""
LETTERS: Final = "abcdefghijklmnopqrstuvwxyz"
VERSIONS: Final = Path("/tmp/versions")
"""What is published of each package; not in the archive, which is mirrored."""


@dataclass(frozen=True, slots=True)
class Package:
    """One package of one version: its path, its bytes, what an index says of it."""

    number: int
    version: int

    @property
    def architecture(self) -> str:
        """Every other one is of the other."""
        return ARCHITECTURES[self.number % len(ARCHITECTURES)]

    @property
    def source(self) -> str:
        """Neighbours share one; neighbouring sources share no letter."""
        source = self.number // SOURCE
        return f"{LETTERS[source % len(LETTERS)]}source{source:06}"

    @property
    def path(self) -> str:
        """Below the archive's root."""
        name = f"{self.source}-part{self.number % SOURCE}"
        return f"pool/main/{self.source[0]}/{self.source}/{name}_1.{self.version}-1_{self.architecture}.deb"

    @property
    def data(self) -> bytes:
        """A few hundred bytes that nobody can compress well."""
        seed = f"{self.path}\n".encode()
        return seed + sha256(seed).hexdigest().encode() * (1 + self.number % 5)

    @property
    def stanza(self) -> str:
        """Of an index."""
        data, name = self.data, self.path.rpartition("/")[2].partition("_")[0]
        return (
            f"Package: {name}\nSource: {self.source}\nVersion: 1.{self.version}-1\nArchitecture: {self.architecture}\n"
            f"Maintainer: Nobody in particular <{self.source}@bench.example>\nSection: misc\nPriority: optional\n"
            f"Filename: {self.path}\nSize: {len(data)}\nSHA256: {sha256(data).hexdigest()}\n"
            f"Description: the part {self.number % SOURCE} of {self.source}\n\n"
        )


@dataclass(frozen=True, slots=True)
class Suite:
    """The packages from `first` to before `end`, and their indices."""

    root: Path
    first: int
    end: int

    @property
    def place(self) -> Path:
        """Where its indices are."""
        return self.root / f"dists/suite{self.first // SUITE:03}"

    def fill(self) -> None:
        """Writes all packages in their first version, and the indices."""
        for start in range(self.first, self.end, SOURCE):
            packages = [Package(number, 0) for number in range(start, min(start + SOURCE, self.end))]
            (self.root / packages[0].path).parent.mkdir(parents=True, exist_ok=True)
            for package in packages:
                _write(self.root / package.path, package.data)
        self.index(array("H", bytes(2 * (self.end - self.first))))

    def index(self, versions: array[int]) -> None:
        """Writes the indices: by-hash, plain names, Release files. By-hash files of two publications stay."""
        known = self._listed()
        files: dict[str, bytes] = {}
        listed: dict[str, bytes] = {}
        for place, architecture in enumerate(ARCHITECTURES):
            numbers = range(self.first + place, self.end, len(ARCHITECTURES))
            text = "".join(Package(number, versions[number - self.first]).stanza for number in numbers).encode()
            path = f"main/binary-{architecture}/Packages"
            listed[path] = text
            files[f"{path}.gz"] = gzip.compress(text, compresslevel=1, mtime=0)
            files[f"{path}.xz"] = lzma.compress(text, preset=0)
        for path, data in files.items():
            target = self.place / path
            hashed = target.parent / "by-hash/SHA256"
            hashed.mkdir(parents=True, exist_ok=True)
            _write(hashed / _hash(data), data)
            _write(target, data)
        release = self._release(listed | files)
        for name in ("Release", "InRelease"):
            _write(self.place / name, release)
        self._forget(known | {_hash(data) for data in files.values()})

    def _listed(self) -> set[str]:
        release = self.place / "Release"
        lines = release.read_text().partition("\nSHA256:\n")[2].splitlines() if release.exists() else []
        return {line.split()[0] for line in lines}

    def _forget(self, kept: set[str]) -> None:
        for path in self.place.glob("main/*/by-hash/SHA256/*"):
            if path.name not in kept:
                path.unlink()

    def _release(self, files: Mapping[str, bytes]) -> bytes:
        fields = {
            "Origin": "bench",
            "Suite": self.place.name,
            "Codename": self.place.name,
            "Date": formatdate(usegmt=True),
            "Architectures": " ".join(ARCHITECTURES),
            "Components": "main",
            "Acquire-By-Hash": "yes",
        }
        lines = [f" {_hash(data)} {len(data)} {path}" for path, data in sorted(files.items())]
        return "\n".join([*(f"{key}: {value}" for key, value in fields.items()), "SHA256:", *lines, ""]).encode()


def build(root: Path, files: int) -> None:
    """The archive with so many packages, from nothing."""
    with ProcessPoolExecutor() as processes:
        for _ in processes.map(Suite.fill, _suites(root, files)):
            pass
    VERSIONS.write_bytes(bytes(2 * files))


def change(root: Path, count: int, spread: bool) -> None:
    """Replaces so many packages, of the newest suite or of all; complete when this returns."""
    versions = array("H", VERSIONS.read_bytes())
    suites = _suites(root, len(versions))
    chosen = suites if spread else suites[-1:]
    random.seed(time.time_ns())
    for number in sorted(random.sample(range(chosen[0].first, chosen[-1].end), count)):
        old, new = Package(number, versions[number]), Package(number, versions[number] + 1)
        _write(root / new.path, new.data)
        (root / old.path).unlink()
        versions[number] = new.version
    with ProcessPoolExecutor() as processes:
        parts: Iterable[array[int]] = (versions[suite.first : suite.end] for suite in chosen)
        for _ in processes.map(Suite.index, chosen, parts):
            pass
    VERSIONS.write_bytes(versions.tobytes())


def _suites(root: Path, files: int) -> list[Suite]:
    return [Suite(root, first, min(first + SUITE, files)) for first in range(0, files, SUITE)]


def _write(path: Path, data: bytes) -> None:
    # A new file each time, as archive software does: who has the old one open keeps it.
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    try:
        os.write(descriptor, data)
    finally:
        os.close(descriptor)


def _hash(data: bytes) -> str:
    return sha256(data).hexdigest()


def main() -> None:
    """The two verbs."""
    parser = argparse.ArgumentParser(prog="python3 -m tests.bench.large")
    parser.add_argument("root", type=Path)
    parser.add_argument("verb", choices=["build", "change"])
    parser.add_argument("count", type=int)
    parser.add_argument("--spread", action="store_true")
    chosen = parser.parse_args()
    if chosen.verb == "build":
        build(chosen.root, chosen.count)
    else:
        change(chosen.root, chosen.count, chosen.spread)


if __name__ == "__main__":
    main()
