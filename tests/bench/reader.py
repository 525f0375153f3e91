"""What apt does, over HTTP and again and again: InRelease, an index that it names, files that the index names."""

from __future__ import annotations

import gzip
import random
import time
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import lru_cache
from hashlib import sha256
from http.client import HTTPConnection, HTTPException
from threading import Event
from typing import Final

from tests.bench.archive import SUITE

SAMPLE: Final = 3
"""Files of each sort that a read looks at: so many of the newest, and so many of all."""
NEWEST: Final = 12
"""How many of an index's files count as its newest."""
PATIENCE: Final = 20.0
"""Seconds until a server that does not answer counts as one that has nothing."""


class Way(Enum):
    """How a read comes from InRelease to the index."""

    BY_HASH = "hash"
    PLAIN = "plain name"


class Finding(Enum):
    """How a read ended; it goes no further than to the first thing that is wrong, as apt."""

    CONSISTENT = "consistent"
    NO_ANSWER = "no answer"
    NO_RELEASE = "InRelease unreadable"
    NO_INDEX = "index missing"
    OTHER_INDEX = "index with another hash"
    NO_FILE = "pool file missing"
    SHORT_FILE = "pool file of another size"
    OTHER_FILE = "pool file with another hash"


@dataclass(frozen=True, slots=True)
class Reference:
    """A file as InRelease or an index names it; `version` orders those of an index by their age."""

    path: str
    size: int
    sha256: str
    version: str = ""


@dataclass(frozen=True, slots=True)
class Read:
    """One read. `replaced`: it was not consistent, and InRelease was another one right after it: a publication came
    between its requests."""

    way: Way
    finding: Finding
    replaced: bool = False


@dataclass(slots=True)
class Tally:
    """What the reads of one mirror found, and how many different InRelease they met."""

    reads: Counter[Read] = field(default_factory=Counter)
    releases: set[bytes] = field(default_factory=set)
    examples: deque[str] = field(default_factory=lambda: deque(maxlen=20))
    """The last reads that were not consistent: when, how, and at which file."""

    def count(self, way: Way, *findings: Finding, replaced: bool | None = None) -> int:
        """Reads of that way, with one of the findings unless there are none, and replaced or not unless None."""
        return sum(
            number
            for read, number in self.reads.items()
            if read.way is way
            and (not findings or read.finding in findings)
            and (replaced is None or read.replaced is replaced)
        )


class _NoAnswer(Exception):
    """The server did not answer, or said itself that something is wrong with it."""


class Reader:
    """A client of one mirror's archive; its connection is kept. It chooses at random, by `seed`."""

    def __init__(self, host: str, port: int, archive: str, seed: int = 0) -> None:
        self.tally = Tally()
        self._connection = HTTPConnection(host, port, timeout=PATIENCE)
        self._archive = archive
        self._random = random.Random(seed)
        self._last = ""

    def read_until(self, stop: Event, pause: float = 0) -> None:
        """Reads both ways in turn, `pause` seconds apart, and counts what it finds."""
        while not stop.is_set():
            for way in Way:
                self.tally.reads[self.read(way)] += 1
                if pause:
                    stop.wait(pause)

    def read(self, way: Way) -> Read:
        """One read."""
        try:
            return self._read(way)
        except _NoAnswer:
            return Read(way, Finding.NO_ANSWER)

    def _read(self, way: Way) -> Read:
        release = self._get(f"{SUITE}/InRelease")
        listed = indices(release or b"")
        if not release or not listed:
            return Read(way, Finding.NO_RELEASE)
        self.tally.releases.add(sha256(release).digest())
        finding = self._follow(self._random.choice(listed), way)
        read = Read(way, finding, finding is not Finding.CONSISTENT and self._is_replaced(release))
        if finding is not Finding.CONSISTENT:
            self.tally.examples.append(f"{time.strftime('%H:%M:%S')} {read} at {self._last}")
        return read

    def _is_replaced(self, release: bytes) -> bool:
        """Also when nobody can tell any more, as the mirror went away meanwhile."""
        try:
            return self._get(f"{SUITE}/InRelease") != release
        except _NoAnswer:
            return True

    def _follow(self, index: Reference, way: Way) -> Finding:
        directory, _, name = index.path.rpartition("/")
        name = f"by-hash/SHA256/{index.sha256}" if way is Way.BY_HASH else name
        data = self._get(f"{SUITE}/{directory}/{name}")
        if data is None:
            return Finding.NO_INDEX
        if sha256(data).hexdigest() != index.sha256:
            return Finding.OTHER_INDEX
        return self._look_at(files(data))

    def _look_at(self, referred: Sequence[Reference]) -> Finding:
        newest = self._random.sample(referred[:NEWEST], min(SAMPLE, len(referred)))
        for reference in [*newest, *self._random.sample(referred, min(SAMPLE, len(referred)))]:
            data = self._get(reference.path)
            if data is None:
                return Finding.NO_FILE
            if len(data) != reference.size:
                return Finding.SHORT_FILE
            if sha256(data).hexdigest() != reference.sha256:
                return Finding.OTHER_FILE
        return Finding.CONSISTENT

    def _get(self, path: str) -> bytes | None:
        """A file's bytes, None when the server says that it is not to be had."""
        if not path.endswith("/InRelease"):
            self._last = path
        try:
            self._connection.request("GET", f"/{self._archive}/{path}")
            answer = self._connection.getresponse()
            data = answer.read()
        except (OSError, HTTPException):
            self._connection.close()
            raise _NoAnswer from None
        if answer.status >= 500:
            raise _NoAnswer
        return data if answer.status == 200 else None


@lru_cache(maxsize=16)
def indices(release: bytes) -> Sequence[Reference]:
    """The indices that an InRelease names; none when it is not one."""
    lines = release.decode(errors="replace").partition("\nSHA256:\n")[2].splitlines()
    rows = [line.split() for line in lines if line.startswith(" ")]
    return [Reference(path, int(size), digest) for digest, size, path in rows]


@lru_cache(maxsize=256)
def files(index: bytes) -> Sequence[Reference]:
    """The files that an index names, the newest first."""
    listing = gzip.decompress(index) if index.startswith(b"\x1f\x8b") else index
    stanzas = (_fields(stanza) for stanza in listing.decode().split("\n\n") if stanza)
    found = [Reference(one["Filename"], int(one["Size"]), one["SHA256"], one["Version"]) for one in stanzas]
    return sorted(found, key=lambda reference: reference.version, reverse=True)


def _fields(stanza: str) -> Mapping[str, str]:
    return dict(line.split(": ", 1) for line in stanza.splitlines())
