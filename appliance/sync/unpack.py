"""Packed indices, read block by block: never more of them in memory than one block, never more than was announced."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import lzma
import zlib
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final, Protocol

import zstandard

from appliance.sync.entry import Entry

SUFFIXES: Final = ("", ".gz", ".zst", ".xz", ".lzma", ".bz2")
"""What an index may be packed with, the cheapest to unpack first."""

BLOCK: Final = 1 << 20
LARGEST: Final = 8 << 30
"""Bytes of an unpacked index that nobody announced."""

MEMORY: Final = 256 << 20
"""Bytes that unpacking may take; `xz -9` needs 65 MiB, the format allows 4 GiB to a file of some kilobytes."""


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


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes:
        """At most so many bytes, none at the end."""


def _open(held: Path, name: str) -> AbstractContextManager[_Readable]:
    if name.endswith(".gz"):
        return gzip.open(held)
    if name.endswith((".xz", ".lzma")):
        return _Lzma(held)
    if name.endswith(".bz2"):
        return bz2.open(held)
    return _zstd(held) if name.endswith(".zst") else held.open("rb")


class _Lzma:
    """What lzma.open would read, in bounded memory."""

    def __init__(self, held: Path) -> None:
        self._file = held.open("rb")
        self._stream = lzma.LZMADecompressor(memlimit=MEMORY)

    def __enter__(self) -> _Lzma:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def read(self, size: int) -> bytes:
        """At most so many bytes, none at the end."""
        while True:
            packed = self._packed()
            if self._stream.eof and not packed:
                return b""
            if self._stream.eof:
                self._stream = lzma.LZMADecompressor(memlimit=MEMORY)
            elif self._stream.needs_input and not packed:
                raise EOFError("it ends too early")
            if data := self._stream.decompress(packed, size):
                return data

    def _packed(self) -> bytes:
        """What comes next: several streams in a row, with zeros between them, are one file (xz(1))."""
        if not self._stream.eof:
            return self._file.read(BLOCK) if self._stream.needs_input else b""
        packed = self._stream.unused_data.lstrip(b"\0")
        while not packed and (more := self._file.read(BLOCK)):
            packed = more.lstrip(b"\0")
        return packed


def _zstd(held: Path) -> AbstractContextManager[_Readable]:
    # What several processors packed is a row of frames, of which zstandard.open reads the first.
    return zstandard.ZstdDecompressor().stream_reader(held.open("rb"), read_across_frames=True)
