from __future__ import annotations

import tracemalloc
from collections.abc import Iterable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.sync.debian import stanzas
from appliance.sync.entry import Reference

DIGEST = "0123456789abcdef" * 4


def packages(blocks: Iterable[bytes]) -> Iterator[Reference]:
    return (named for some in stanzas.split(blocks) for stanza in some for named in stanzas.packages(stanza))


def sources(blocks: Iterable[bytes]) -> Iterator[Reference]:
    return (named for some in stanzas.split(blocks) for stanza in some for named in stanzas.sources(stanza))


def stanza(number: int) -> bytes:
    return (
        f"Package: p{number}\nVersion: 1\nDescription: something\n with more lines\nFilename: pool/p{number}.deb\n"
        f"Size: {number}\nSHA256: {DIGEST}\n\n"
    ).encode()


def in_pieces(data: bytes, size: int) -> Iterator[bytes]:
    return (data[start : start + size] for start in range(0, len(data), size))


@given(st.integers(0, 12), st.integers(1, 400))
def test_packages_in_blocks_of_any_size(count: int, size: int) -> None:
    text = b"".join(map(stanza, range(count)))
    expected = [Reference(f"pool/p{number}.deb", number, DIGEST) for number in range(count)]
    assert list(packages(in_pieces(text, size))) == expected


def test_field_names_of_any_case_and_more_than_one_empty_line() -> None:
    text = b"\n\npackage: a\nFILENAME: pool/a.deb\nsize: 3\nsha256: " + DIGEST.encode() + b"\n \n\t\n" + stanza(1)
    assert [one.path for one in packages([text])] == ["pool/a.deb", "pool/p1.deb"]


def test_a_last_stanza_without_an_end() -> None:
    assert [one.size for one in packages([stanza(7).rstrip()])] == [7]


def test_a_stanza_of_an_old_archive_has_no_sha256() -> None:
    assert list(packages([b"Package: a\nFilename: a.deb\nSize: 3\nMD5sum: 1\n"])) == [Reference("a.deb", 3, "")]


@pytest.mark.parametrize("missing", ["Filename", "Size"])
def test_a_stanza_that_does_not_say_what_it_is_about(missing: str) -> None:
    text = b"\n".join(line for line in stanza(1).split(b"\n") if not line.startswith(missing.encode()))
    with pytest.raises(ValueError, match=f"the stanza of p1 has no {missing}"):
        list(packages([text]))


def test_sources() -> None:
    listed = f"Files:\n {'0' * 32} 5 a.dsc\nChecksums-Sha256:\n {DIGEST} 5 a.dsc\n {DIGEST} 6 a.tar.xz\n"
    text = f"Package: a\nDirectory: pool/a\n{listed}"
    expected = [Reference("pool/a/a.dsc", 5, DIGEST), Reference("pool/a/a.tar.xz", 6, DIGEST)]
    assert list(sources([text.encode()])) == expected


def test_sources_of_an_old_archive() -> None:
    assert list(sources([b"Package: a\nDirectory: d\nFiles:\n 00 5 a.dsc\n"])) == [Reference("d/a.dsc", 5, "")]


def test_an_endless_stanza_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stanzas, "LONGEST", 1000)
    with pytest.raises(ValueError, match="longer than 1000 bytes"):
        list(packages(iter(lambda: b"x" * 100, b"")))


def test_many_stanzas_in_little_memory() -> None:
    tracemalloc.start()
    count = sum(
        1 for _ in packages(b"".join(map(stanza, range(start, start + 1000))) for start in range(0, 60000, 1000))
    )
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 60000
    assert peak < 4 << 20


@pytest.mark.parametrize("directory", ["", "Directory:\n", "Directory: .\n", "Directory: ./\n"])
def test_sources_beside_their_index(directory: str) -> None:
    text = f"Package: a\n{directory}Checksums-Sha256:\n {DIGEST} 3 a.dsc\n\n"
    assert [one.path.removeprefix("./") for one in sources([text.encode()])] == ["a.dsc"]
