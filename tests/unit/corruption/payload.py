"""Packages and sources that are not what the indices say."""

from __future__ import annotations

from tests.unit.corruption.case import case, cut, drop, flip
from tests.unit.upstream import DebianTree


@case(r"pool/fresh\.deb: expected 5 bytes, SHA256 .*, found 5 bytes, SHA256")
def package_with_a_flipped_bit(archive: DebianTree) -> None:
    flip(archive, "pool/fresh.deb")


@case(r"pool/fresh\.deb: expected 5 bytes.*, found 2 bytes")
def package_cut_off(archive: DebianTree) -> None:
    cut(archive, "pool/fresh.deb")


@case(r"pool/fresh\.deb: expected 5 bytes.*, found nothing")
def package_missing(archive: DebianTree) -> None:
    drop(archive, "pool/fresh.deb")


@case(r"pool/fresh\.deb: expected 5 bytes.*, found 0 bytes")
def package_empty(archive: DebianTree) -> None:
    cut(archive, "pool/fresh.deb", 0)


@case(r"pool/fresh\.deb: expected 5 bytes.*, found a directory")
def package_that_is_a_directory(archive: DebianTree) -> None:
    drop(archive, "pool/fresh.deb")
    archive.write("pool/fresh.deb/data", b"fresh")


@case(r"pool/hello\.deb: expected 3 bytes, SHA256 .*, found 3 bytes, SHA256", updated=False)
def published_package_with_a_flipped_bit(archive: DebianTree) -> None:
    flip(archive, "pool/hello.deb", times=False)


@case(r"pool/hello\.deb: expected 3 bytes.*, found 1 bytes", updated=False)
def published_package_cut_off(archive: DebianTree) -> None:
    cut(archive, "pool/hello.deb")


@case(r"pool/hello\.deb: expected 3 bytes.*, found 1 bytes")
def published_package_cut_off_in_an_update(archive: DebianTree) -> None:
    cut(archive, "pool/hello.deb")


@case(r"pool/hello\.dsc: expected 11 bytes.*, found 0 bytes", updated=False)
def published_source_emptied(archive: DebianTree) -> None:
    cut(archive, "pool/hello.dsc", 0)


@case(r"pool/hello\.deb: expected 3 bytes.*, found a directory", updated=False)
def published_package_that_became_a_directory(archive: DebianTree) -> None:
    drop(archive, "pool/hello.deb")
    archive.write("pool/hello.deb/data", b"one")


@case(r"pool/fresh\.dsc: expected 13 bytes.*, found 13 bytes")
def source_of_another_content(archive: DebianTree) -> None:
    flip(archive, "pool/fresh.dsc")
