"""The bench's own instruments: its archive is one that apt could read at any moment, its reader sees every fault."""

from __future__ import annotations

import gzip
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final

import pytest

from tests.bench.archive import SUITE, Archive, Shape
from tests.bench.reader import Finding, Read, Reader, Tally, Way, files, indices

SHAPE: Final = Shape(components=("main",), architectures=("amd64",), packages=4, replaced=1)


class Quiet(SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: the reader says what it got."""


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    archive = Archive(tmp_path / "bench", SHAPE)
    for _ in range(5):
        archive.publish()
    return archive


@pytest.fixture
def reader(archive: Archive) -> Iterator[Reader]:
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=os.fspath(archive.root.parent))) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield Reader("127.0.0.1", server.server_port, "bench")
        server.shutdown()


def found(archive: Archive, pattern: str) -> list[Path]:
    return sorted(path for path in archive.root.glob(pattern) if path.is_file())


def unlink(path: Path) -> None:
    path.unlink()


def shorten(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def turn(path: Path) -> None:
    path.write_bytes(path.read_bytes()[::-1])


FAULTS: Final[Mapping[str, tuple[str, Callable[[Path], None], Way, Finding]]] = {
    "no InRelease": (f"{SUITE}/InRelease", unlink, Way.PLAIN, Finding.NO_RELEASE),
    "no by-hash index": (f"{SUITE}/main/*/by-hash/SHA256/*", unlink, Way.BY_HASH, Finding.NO_INDEX),
    "another by-hash index": (f"{SUITE}/main/*/by-hash/SHA256/*", turn, Way.BY_HASH, Finding.OTHER_INDEX),
    "no plain index": (f"{SUITE}/main/*/Packages*", unlink, Way.PLAIN, Finding.NO_INDEX),
    "another plain index": (f"{SUITE}/main/*/Packages*", turn, Way.PLAIN, Finding.OTHER_INDEX),
    "no pool file, by hash": ("pool/**/*", unlink, Way.BY_HASH, Finding.NO_FILE),
    "no pool file": ("pool/**/*", unlink, Way.PLAIN, Finding.NO_FILE),
    "a short pool file": ("pool/**/*", shorten, Way.BY_HASH, Finding.SHORT_FILE),
    "another pool file": ("pool/**/*", turn, Way.PLAIN, Finding.OTHER_FILE),
}


@pytest.mark.parametrize("way", Way)
def test_every_publication_is_consistent(archive: Archive, reader: Reader, way: Way) -> None:
    for _ in range(3):
        archive.publish()
        assert reader.read(way) == Read(way, Finding.CONSISTENT)
    assert len(reader.tally.releases) == 3


@pytest.mark.parametrize(("pattern", "harm", "way", "finding"), FAULTS.values(), ids=FAULTS)
def test_every_fault_is_seen(
    archive: Archive, reader: Reader, pattern: str, harm: Callable[[Path], None], way: Way, finding: Finding
) -> None:
    for path in found(archive, pattern):
        harm(path)
    assert reader.read(way) == Read(way, finding)


def test_a_publication_between_two_requests_is_told_from_a_mixed_view(
    archive: Archive, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    get = reader._get

    def publish_and_get(path: str) -> bytes | None:
        if path.rpartition("/")[2].startswith("Packages"):
            archive.publish()
        return get(path)

    monkeypatch.setattr(reader, "_get", publish_and_get)
    assert reader.read(Way.PLAIN) == Read(Way.PLAIN, Finding.OTHER_INDEX, replaced=True)


def test_what_is_gone_stays_for_as_long_as_it_should(archive: Archive) -> None:
    assert len(found(archive, f"{SUITE}/**/SHA256/*")) == 2 * SHAPE.kept
    superseded = SHAPE.replaced
    assert len(found(archive, "pool/**/*")) == SHAPE.packages + superseded


def test_the_newest_files_come_first(archive: Archive) -> None:
    listing = (archive.root / SUITE / "main/binary-amd64/Packages").read_bytes()
    assert files(listing)[0].version == f"1.{archive.published:06}"
    assert files(gzip.compress(listing)) == files(listing)


def test_what_is_no_release_names_nothing() -> None:
    assert indices(b"<html>busy</html>") == []


def test_reads_are_counted_by_what_they_found() -> None:
    tally = Tally()
    mixed, late = (Read(Way.PLAIN, Finding.OTHER_INDEX, replaced) for replaced in (False, True))
    tally.reads.update([mixed, mixed, late, Read(Way.BY_HASH, Finding.CONSISTENT)])
    assert tally.count(Way.PLAIN) == tally.count(Way.PLAIN, Finding.OTHER_INDEX) == 3
    assert tally.count(Way.PLAIN, Finding.OTHER_INDEX, replaced=False) == 2
    assert tally.count(Way.BY_HASH, Finding.OTHER_INDEX) == 0
