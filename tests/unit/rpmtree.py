"""Repositories of RPMs, as createrepo writes them, in plain Python; the packages are no real ones."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import lzma
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Final
from xml.sax.saxutils import quoteattr

import zstandard

from tests.unit.upstream import Keyring

PACKERS: Final[Mapping[str, Callable[[bytes], bytes]]] = {
    "": bytes,
    ".gz": partial(gzip.compress, compresslevel=1, mtime=0),
    ".xz": partial(lzma.compress, preset=0),
    ".bz2": bz2.compress,
    ".zst": zstandard.ZstdCompressor().compress,
}
REPO: Final = "http://linux.duke.edu/metadata/repo"
COMMON: Final = "http://linux.duke.edu/metadata/common"


class RpmTree:
    """Repositories in one tree, ``""`` or any directory below it.

    ``hashed`` tells whether the metadata has its checksum in its names, ``suffix`` how it is packed, ``checksum`` how
    checksums are made; ``sizes`` is False for a repomd.xml as the oldest makers wrote it.
    """

    def __init__(self, root: Path, keyring: Keyring | None = None) -> None:
        self.root, self._keyring = root, keyring
        self.hashed, self.suffix, self.checksum, self.sizes = True, ".gz", "sha256", True
        self.packages: dict[str, dict[str, bytes]] = {}
        root.mkdir(exist_ok=True)

    def release(self, directory: str = "", revision: int | str = 1, **packages: str) -> None:
        """Write a state of one repository: these packages beside those it has, its metadata."""
        known = self.packages.setdefault(directory, {})
        known |= {name: text.encode() for name, text in packages.items()}
        for name, data in known.items():
            self.write(directory, f"Packages/{name}.rpm", data)
        self.seal(directory, revision, self.primary(*(self.package(name, data) for name, data in known.items())))

    def seal(self, directory: str, revision: int | str, primary: str) -> None:
        """Write the metadata around this list of packages, and take the former one away."""
        for old in (self.root / directory).glob("repodata/*"):
            old.unlink()
        lists = {"primary": primary, "filelists": f"<filelists revision='{revision}'/>"}
        data = "".join(self._data(directory, kind, text.encode(), revision) for kind, text in lists.items())
        text = f'<?xml version="1.0"?>\n<repomd xmlns="{REPO}"><revision>{revision}</revision>{data}</repomd>\n'
        self.repomd(directory, text)

    def repomd(self, directory: str, text: str) -> None:
        """Replace the root file, signed."""
        self.write(directory, "repodata/repomd.xml", text.encode())
        if self._keyring:
            self._keyring.detach(self.root / directory / "repodata/repomd.xml")

    def root_of(self, directory: str = "") -> Path:
        """The repomd.xml of a repository."""
        return self.root / directory / "repodata/repomd.xml"

    def metadata(self, kind: str, directory: str = "") -> Path:
        """One of the files that it lists."""
        (found,) = (self.root / directory / "repodata").glob(f"*{kind}.xml*")
        return found

    def write(self, directory: str, name: str, data: bytes) -> None:
        """Replace one file of a repository."""
        target = self.root / directory / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.exists() or target.read_bytes() != data:
            scratch = target.with_name(f".{target.name}.new")
            scratch.write_bytes(data)
            scratch.replace(target)

    def primary(self, *packages: str) -> str:
        """A list of packages."""
        return f'<?xml version="1.0"?>\n<metadata xmlns="{COMMON}">{"".join(packages)}</metadata>\n'

    def package(self, name: str, data: bytes, href: str = "", base: str = "") -> str:
        """A package in that list, by its usual place or by ``href``."""
        location = f"href={quoteattr(href or f'Packages/{name}.rpm')}"
        location += f" xml:base={quoteattr(base)}" if base else ""
        return (
            f'<package type="rpm"><name>{name}</name><checksum type="{self.checksum}" pkgid="YES">{self._hash(data)}'
            f'</checksum><description>&lt;{name}&gt; &amp; more</description><size package="{len(data)}"/>'
            f'<location {location}/><format><rpm:entry name="{name}" xmlns:rpm="x"/></format></package>'
        )

    def _data(self, directory: str, kind: str, text: bytes, revision: int | str) -> str:
        packed = PACKERS[self.suffix](text)
        name = f"{self._hash(packed)}-{kind}" if self.hashed else kind
        href = f"repodata/{name}.xml{self.suffix}"
        self.write(directory, href, packed)
        stamp = revision if str(revision).isdecimal() else 7
        sizes = f"<size>{len(packed)}</size><open-size>{len(text)}</open-size>" if self.sizes else ""
        return (
            f'<data type="{kind}"><checksum type="{self.checksum}">{self._hash(packed)}</checksum>'
            f'<open-checksum type="{self.checksum}">{self._hash(text)}</open-checksum>'
            f'<location href="{href}"/><timestamp>{stamp}</timestamp>{sizes}</data>'
        )

    def _hash(self, data: bytes) -> str:
        return hashlib.new("sha1" if self.checksum == "sha" else self.checksum, data).hexdigest()
