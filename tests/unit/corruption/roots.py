"""Root files, signatures and serials that are broken, forged or of another day."""

from __future__ import annotations

import shutil
import tempfile
import time
from pathlib import Path

from tests.unit.corruption.case import DAY, SUITE, case, cut, drop, flip
from tests.unit.upstream import DebianTree, Keyring


@case(rf"{SUITE}/InRelease is not signed by a key of .*archive\.gpg")
def inrelease_with_a_flipped_bit(archive: DebianTree) -> None:
    file = archive.root / SUITE / "InRelease"
    file.write_bytes(file.read_bytes().replace(b"Suite: s", b"Suite: t"))


@case(rf"{SUITE}/Release is not signed by a key of .*archive\.gpg")
def release_with_a_flipped_bit(archive: DebianTree) -> None:
    flip(archive, f"{SUITE}/Release")


@case(rf"{SUITE}/Release is not signed by a key of .*archive\.gpg")
def signature_with_a_flipped_bit(archive: DebianTree) -> None:
    flip(archive, f"{SUITE}/Release.gpg")


@case(rf"{SUITE}/InRelease is not signed by a key of .*archive\.gpg")
def inrelease_cut_off(archive: DebianTree) -> None:
    cut(archive, f"{SUITE}/InRelease")


@case(rf"{SUITE}/InRelease is not signed by a key of .*archive\.gpg")
def inrelease_empty(archive: DebianTree) -> None:
    cut(archive, f"{SUITE}/InRelease", 0)


@case(rf"{SUITE}/InRelease is not signed by a key of .*archive\.gpg")
def inrelease_without_a_signature(archive: DebianTree) -> None:
    shutil.copy(archive.root / SUITE / "Release", archive.root / SUITE / "InRelease")


@case(rf"{SUITE}/Release: expected a signature, {SUITE}/Release\.gpg beside it, found none")
def release_without_its_signature(archive: DebianTree) -> None:
    drop(archive, f"{SUITE}/Release.gpg")


@case(rf"{SUITE}/InRelease is not signed by a key of .*archive\.gpg")
def signature_by_a_stranger(archive: DebianTree) -> None:
    with tempfile.TemporaryDirectory(prefix="gpg") as scratch:
        stranger = Keyring(Path(scratch, "b"))
        stranger.sign(archive.root / SUITE / "Release")
        stranger.close()


@case(rf"{SUITE}/InRelease: expected a date that has come, found one of 20")
def release_of_a_day_to_come(archive: DebianTree) -> None:
    archive.date = time.time() + 2 * DAY
    archive.seal()


@case(rf"{SUITE}/InRelease: expected a Release file that is valid now, found one that expired")
def release_that_expired(archive: DebianTree) -> None:
    archive.valid_until = time.time() - DAY
    archive.seal()


@case(rf"{SUITE}/InRelease: expected a date not before .*, found one of")
def release_of_an_earlier_day(archive: DebianTree) -> None:
    archive.date = time.time() - 3 * DAY
    archive.seal()


@case(r"project/trace/master: expected no serial before 2019112101, which is published, found 2019112007")
def serial_of_an_earlier_day(archive: DebianTree) -> None:
    archive.trace("2019112007")
