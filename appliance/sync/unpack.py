"""Packed indices, read block by block: never more of them in memory than one block, never more than was announced."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import lzma
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final, cast

import zstandard

from appliance.sync.view import Entry

SUFFIXES: Final = ("", ".gz", ".zst", ".xz", ".lzma", ".bz2")
"""What an index may be packed with, the cheapest to unpack first."""

BLOCK: Final = 1 << 20
LARGEST: Final = 8 << 30
"""Bytes of an unpacked index that nobody announced."""


def stem_of(path: str) -> str:
    """The path without what it was packed with."""
    suffix = next((one for one in SUFFIXES[1:] if path.endswith(one)), "")
    return path.removesuffix(suffix)


def blocks(held: Path, name: str, announced: Entry | None = None) -> Iterator[bytes]:
    """The unpacked content; ``name`` tells by its suffix what it was packed with (a by-hash name does not).

    Raises ValueError when it cannot be unpacked, or is not what was announced.
    """
    digest, size = hashlib.new(announced.algorithm if announced else "sha256"), 0
    limit = announced.size if announced and announced.size is not None else LARGEST
    try:
        with _open(held, name) as file:
            while block := file.read(BLOCK):
                size += len(block)
                if size > limit:
                    raise ValueError(f"it unpacks to more than the {limit} bytes announced")
                digest.update(block)
                yield block
    except (OSError, EOFError, zlib.error, lzma.LZMAError, zstandard.ZstdError) as error:
        raise ValueError(f"it cannot be unpacked: {error}") from None
    if announced and (announced.size not in (size, None) or announced.digest not in (digest.hexdigest(), "")):
        raise ValueError("it unpacks to something else than announced")


def _open(held: Path, name: str) -> IO[bytes]:
    if name.endswith(".gz"):
        return cast(IO[bytes], gzip.open(held))
    if name.endswith((".xz", ".lzma")):
        return lzma.open(held)
    if name.endswith(".bz2"):
        return bz2.open(held)
    return _zstd(held) if name.endswith(".zst") else held.open("rb")


def _zstd(held: Path) -> IO[bytes]:
    # What several processors packed is a row of frames, of which zstandard.open reads the first.
    reader = zstandard.ZstdDecompressor().stream_reader(held.open("rb"), read_across_frames=True)
    return cast(IO[bytes], reader)
