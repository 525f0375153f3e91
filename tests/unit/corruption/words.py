"""Indices that are signed, and say what no index may."""

from __future__ import annotations

import hashlib

from tests.unit.corruption.case import PACKAGES, SUITE, case, reindex
from tests.unit.upstream import SOURCES, DebianTree


def _stanza(*fields: str) -> str:
    return "".join(f"{field}\n" for field in ("Package: evil", *fields)) + "\n"


@case(r"'\.\./\.\./evil\.deb': expected a path within the archive, found one that leads out of it")
def index_that_names_a_file_above_the_tree(archive: DebianTree) -> None:
    reindex(archive, archive.stanzas() + _stanza("Filename: ../../evil.deb", "Size: 1", f"SHA256: {'0' * 64}"))


@case(r"'/etc/passwd': expected a path within the archive, found one that leads out of it")
def index_that_names_a_file_of_the_system(archive: DebianTree) -> None:
    reindex(archive, archive.stanzas() + _stanza("Filename: /etc/passwd", "Size: 1", f"SHA256: {'0' * 64}"))


@case(r"pool/a{300}: expected 1 bytes.*, found nothing")
def index_that_names_a_file_too_long_for_a_disk(archive: DebianTree) -> None:
    reindex(archive, archive.stanzas() + _stanza(f"Filename: pool/{'a' * 300}", "Size: 1", f"SHA256: {'0' * 64}"))


@case(r"(d/){490}")
def index_that_names_a_file_in_directories_without_end(archive: DebianTree) -> None:
    reindex(archive, archive.stanzas() + _stanza(f"Filename: {'d/' * 490}a", "Size: 1", f"SHA256: {'0' * 64}"))


@case(rf"{PACKAGES}: expected an index that can be read, found the stanza of evil has no Filename")
def index_without_a_filename(archive: DebianTree) -> None:
    reindex(archive, archive.stanzas() + _stanza("Size: 1"))


@case(rf"{PACKAGES}: expected an index that can be read, found the stanza of evil has no Size")
def index_without_a_size(archive: DebianTree) -> None:
    reindex(archive, archive.stanzas() + _stanza("Filename: pool/hello.deb"))


@case(rf"{PACKAGES}: expected an index that can be read, found .*'many'")
def index_with_a_size_that_is_no_number(archive: DebianTree) -> None:
    reindex(archive, archive.stanzas() + _stanza("Filename: pool/hello.deb", "Size: many"))


@case(r"pool/fresh\.dsc: expected 13 bytes, SHA256 0000.*, found 13 bytes, SHA256")
def sources_with_another_hash(archive: DebianTree) -> None:
    file = archive.root / SUITE / SOURCES
    found = hashlib.sha256((archive.root / "pool/fresh.dsc").read_bytes()).hexdigest()
    archive.index(SOURCES, file.read_text().replace(found, "0" * 64))
    archive.seal()


@case(r"InRelease: expected a Release file, found .*'\.\./t/Packages' leads out of the suite")
def release_that_lists_a_file_of_another_suite(archive: DebianTree) -> None:
    archive.list("../t/Packages", b"")
    archive.seal()
