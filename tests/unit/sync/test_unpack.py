from __future__ import annotations

import bz2
import gzip
import hashlib
import lzma
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from appliance.sync import unpack
from appliance.sync.entry import Entry
from appliance.sync.unpack import blocks, stem_of

TEXT = b"Package: hello\n" * 1000
ENTRY = Entry(len(TEXT), hashlib.sha256(TEXT).hexdigest())
PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    ".gz": gzip.compress,
    ".xz": lzma.compress,
    ".bz2": bz2.compress,
    ".lzma": lambda data: lzma.compress(data, lzma.FORMAT_ALONE),
    ".zst": lambda data: zstandard.ZstdCompressor().compress(data),
}


@pytest.mark.parametrize("suffix", PACKERS)
def test_every_form(tmp_path: Path, suffix: str) -> None:
    (tmp_path / "held").write_bytes(PACKERS[suffix](TEXT))
    assert b"".join(blocks(tmp_path / "held", f"Packages{suffix}", ENTRY)) == TEXT


@pytest.mark.parametrize("suffix", [suffix for suffix in PACKERS if suffix])
@pytest.mark.parametrize("damage", ["cut", "no form of it"])
def test_what_cannot_be_unpacked(tmp_path: Path, suffix: str, damage: str) -> None:
    packed = PACKERS[suffix](TEXT)
    (tmp_path / "held").write_bytes(packed[: len(packed) // 2] if damage == "cut" else b"nothing of the kind")
    with pytest.raises(ValueError, match=r"it cannot be unpacked|something else than announced"):
        list(blocks(tmp_path / "held", f"Packages{suffix}", ENTRY))


def test_a_bomb_is_not_unpacked_to_its_end(tmp_path: Path) -> None:
    (tmp_path / "held").write_bytes(gzip.compress(bytes(64 << 20)))
    seen: list[bytes] = []
    with pytest.raises(ValueError, match="more than the 1000000 bytes announced"):
        seen.extend(blocks(tmp_path / "held", "Packages.gz", Entry(1000000, "")))
    assert sum(map(len, seen)) <= 1000000


def test_something_else_than_announced(tmp_path: Path) -> None:
    (tmp_path / "held").write_bytes(gzip.compress(TEXT.replace(b"hello", b"howdy")))
    with pytest.raises(ValueError, match="something else"):
        list(blocks(tmp_path / "held", "Packages.gz", ENTRY))


def test_a_gzip_file_with_a_hole(tmp_path: Path) -> None:
    packed = gzip.compress(TEXT)
    (tmp_path / "held").write_bytes(packed[:12] + b"\xff" * 8 + packed[20:])
    with pytest.raises(ValueError, match="it cannot be unpacked"):
        list(blocks(tmp_path / "held", "Packages.gz", ENTRY))


def test_all_frames_of_what_several_processors_packed(tmp_path: Path) -> None:
    pack = PACKERS[".zst"]
    (tmp_path / "held").write_bytes(pack(TEXT[:100]) + pack(TEXT[100:]))
    assert b"".join(blocks(tmp_path / "held", "primary.xml.zst", ENTRY)) == TEXT


def test_all_streams_of_what_was_packed_in_parts(tmp_path: Path) -> None:
    pack = PACKERS[".xz"]
    (tmp_path / "held").write_bytes(pack(TEXT[:100]) + bytes(8) + pack(b"") + pack(TEXT[100:]) + bytes(4))
    assert b"".join(blocks(tmp_path / "held", "Packages.xz", ENTRY)) == TEXT


def test_what_needs_much_memory_to_be_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "held").write_bytes(lzma.compress(TEXT, preset=9))
    assert b"".join(blocks(tmp_path / "held", "Packages.xz", ENTRY)) == TEXT
    monkeypatch.setattr(unpack, "MEMORY", 32 << 20)
    with pytest.raises(ValueError, match="cannot be unpacked: Memory usage limit"):
        list(blocks(tmp_path / "held", "Packages.xz", ENTRY))


def test_sizes_and_digests_that_are_not_told(tmp_path: Path) -> None:
    (tmp_path / "held").write_bytes(TEXT)
    for entry in (Entry(None, ENTRY.digest), Entry(len(TEXT), ""), Entry(None, hashlib.sha1(TEXT).hexdigest(), "sha1")):
        assert b"".join(blocks(tmp_path / "held", "Packages", entry)) == TEXT
    with pytest.raises(ValueError, match="something else"):
        list(blocks(tmp_path / "held", "Packages", Entry(len(TEXT) + 1, "")))


def test_stems() -> None:
    assert [stem_of(name) for name in ("a/Packages.xz", "a/Packages", "a/x.diff.gz")] == [
        "a/Packages",
        "a/Packages",
        "a/x.diff",
    ]
