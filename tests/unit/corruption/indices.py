"""Indices that are not what the root files say."""

from __future__ import annotations

from tests.unit.corruption.case import PACKAGES, SUITE, case, cut, drop, flip, reindex
from tests.unit.upstream import INDEX, PACKERS, DebianTree


@case(rf"{PACKAGES}: expected \d+ bytes, SHA256 .*, found \d+ bytes, SHA256")
def index_with_a_flipped_bit(archive: DebianTree) -> None:
    flip(archive, PACKAGES)


@case(rf"{PACKAGES}\.gz: expected \d+ bytes, SHA256 .*, found \d+ bytes, SHA256")
def gz_index_with_a_flipped_bit(archive: DebianTree) -> None:
    flip(archive, f"{PACKAGES}.gz")


@case(rf"{PACKAGES}\.xz: expected \d+ bytes, SHA256 .*, found \d+ bytes, SHA256")
def xz_index_with_a_flipped_bit(archive: DebianTree) -> None:
    flip(archive, f"{PACKAGES}.xz")


@case(r"by-hash/SHA256/[0-9a-f]{64}: expected \d+ bytes, SHA256 .*, found \d+ bytes, SHA256")
def by_hash_index_with_a_flipped_bit(archive: DebianTree) -> None:
    flip(archive, f"{SUITE}/{archive.hashed(INDEX)}")


@case(r"by-hash/SHA256/[0-9a-f]{64}: expected \d+ bytes, SHA256 .*, found \d+ bytes, SHA256", updated=False)
def published_by_hash_index_with_a_flipped_bit(archive: DebianTree) -> None:
    flip(archive, f"{SUITE}/{archive.hashed(INDEX)}", times=False)


@case(r"by-hash/SHA256/[0-9a-f]{64}: expected the same as .*Packages, found nothing")
def by_hash_index_missing(archive: DebianTree) -> None:
    drop(archive, f"{SUITE}/{archive.hashed(INDEX)}")


@case(rf"{PACKAGES}: expected \d+ bytes, SHA256 .*, found \d+ bytes")
def index_cut_off(archive: DebianTree) -> None:
    cut(archive, PACKAGES)


@case(rf"{PACKAGES}: expected an index, as listed, found nothing")
def index_missing(archive: DebianTree) -> None:
    for suffix in PACKERS:
        drop(archive, PACKAGES + suffix)


@case(rf"{PACKAGES}: expected .*, found a directory", updated=False)
def published_index_that_became_a_directory(archive: DebianTree) -> None:
    drop(archive, PACKAGES)
    archive.write(f"{PACKAGES}/data", b"Package: evil\n")


@case(rf"{PACKAGES}: expected .*, found a directory")
def index_that_is_a_directory(archive: DebianTree) -> None:
    published_index_that_became_a_directory(archive)


@case(rf"{PACKAGES}: expected .*, found")
def index_that_is_a_link_out_of_the_tree(archive: DebianTree) -> None:
    for suffix in PACKERS:
        drop(archive, PACKAGES + suffix)
        (archive.root / (PACKAGES + suffix)).symlink_to("/etc/passwd")


@case(rf"{PACKAGES}: expected .*, found", updated=False)
def published_index_that_became_a_link_within_the_tree(archive: DebianTree) -> None:
    drop(archive, PACKAGES)
    (archive.root / PACKAGES).symlink_to("../../../../pool/hello.dsc")


@case(rf"{PACKAGES}: expected \d+ bytes.*, found \d+ bytes")
def release_with_another_size_of_an_index(archive: DebianTree) -> None:
    digest, size = archive.entries[INDEX]
    archive.entries[INDEX] = (digest, size + 1)
    archive.seal()


@case(rf"{PACKAGES}: expected \d+ bytes, SHA256 .*, found \d+ bytes")
def index_behind_an_older_release(archive: DebianTree) -> None:
    text, entries = archive.stanzas(), dict(archive.entries)
    archive.index(INDEX, text + text)
    archive.entries = entries


@case(rf"{PACKAGES}.*: expected \d+ bytes, SHA256 .*, found \d+ bytes")
def release_of_another_state_than_inrelease(archive: DebianTree) -> None:
    inline = (archive.root / SUITE / "InRelease").read_bytes()
    reindex(archive, "")
    (archive.root / SUITE / "InRelease").write_bytes(inline)


@case(rf"{PACKAGES}\.gz: expected an index that can be read, found it unpacks to something else than announced")
def gz_index_that_unpacks_to_something_else(archive: DebianTree) -> None:
    _pack(archive, archive.stanzas().swapcase().encode())


@case(rf"{PACKAGES}\.gz: expected an index that can be read, found it unpacks to more than the \d+ bytes announced")
def gz_index_that_is_a_bomb(archive: DebianTree) -> None:
    _pack(archive, b"\n" * (8 << 20))


@case(rf"{PACKAGES}\.gz: expected an index that can be read, found it cannot be unpacked")
def gz_index_that_is_none(archive: DebianTree) -> None:
    _pack(archive, None)


def _pack(archive: DebianTree, content: bytes | None) -> None:
    """Leave the packed form alone, as Debian does; what is in it is as signed, and not the index that is announced."""
    packed = PACKERS[".gz"](content) if content is not None else b"no archive"
    archive.write(f"{PACKAGES}.gz", packed)
    archive.list(f"{INDEX}.gz", packed)
    archive.write(f"{SUITE}/{archive.hashed(f'{INDEX}.gz')}", packed)
    for path in (
        PACKAGES,
        f"{PACKAGES}.xz",
        f"{SUITE}/{archive.hashed(INDEX)}",
        f"{SUITE}/{archive.hashed(f'{INDEX}.xz')}",
    ):
        drop(archive, path)
    archive.seal()
