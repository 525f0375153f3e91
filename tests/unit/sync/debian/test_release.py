from __future__ import annotations

from pathlib import Path

import pytest

from appliance.errors import SyncError
from appliance.sync.debian.release import LARGEST, Release, parse, text_of
from appliance.sync.entry import Entry
from appliance.sync.view import View
from tests.unit.sync.test_verify import inspect
from tests.unit.upstream import DebianTree

DIGEST = "0123456789abcdef" * 4


@pytest.mark.parametrize(
    "text",
    [
        f"SHA256: {DIGEST}\n",
        f"SHA256:\n {DIGEST} 1\n",
        f"SHA256:\n {DIGEST} many x\n",
        f"SHA256:\n {DIGEST} 1 ../x\n",
        f"SHA256:\n {DIGEST} 1 main/\0x\n",
        f"SHA256:\n {DIGEST[:-1]} 1 main/x\n",
        "SHA256:\n ../../../../../other/pool/x.deb 1 main/x\n",
        "Date: yesterday\nSHA256:\n",
        "Date: Fri, 31 Dec 99999999999999999999 23:59:59 +0000\nSHA256:\n",
    ],
)
def test_what_has_no_meaning_says_so(text: str) -> None:
    with pytest.raises(ValueError, match=r"SHA256|leads out|no date|invalid literal"):
        parse(text)


TEXT = f"""Origin: somewhere
# made by hand
DATE: Sat, 21 Nov 2026 12:00:00 UTC
Acquire-By-Hash: YES
Description: not one line
 but three of them:
 SHA256: these are none
MD5Sum:
 {DIGEST[:32]} 7 main/x
sha256:
 {DIGEST.upper()}        7 main/x
\t{DIGEST} 0\tmain/y
Valid-Until: Sun, 22 Nov 2026 12:00:00 UTC
"""
MEANT = Release({"main/x": Entry(7, DIGEST), "main/y": Entry(0, DIGEST)}, True, 1795262400.0, 1795348800.0, True)


@pytest.mark.parametrize(
    "text",
    [
        TEXT,
        TEXT.replace("\n", "\r\n"),
        f"\n{TEXT}\nDate: of another paragraph\n",
        "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\n"
        f"{TEXT.replace('# made', '- - made')}-----BEGIN PGP SIGNATURE-----\n\nDate: none\n",
    ],
)
def test_what_it_says(text: str) -> None:
    assert parse(text) == MEANT


@pytest.mark.parametrize("text", ["", "Date: Sat, 21 Nov 2026 12:00:00 UTC\n", "no field at all\n"])
def test_an_archive_older_than_sha256(text: str) -> None:
    found = parse(text)
    assert (found.has_sums, dict(found.entries)) == (False, {})


def test_names_are_those_that_rsync_means() -> None:
    assert [*parse(f"SHA256:\n {DIGEST} 1 ./Packages\n {DIGEST} 1 main//./x\n").entries] == ["Packages", "main/x"]


def test_a_file_too_large_for_apt_is_not_even_read(tmp_path: Path) -> None:
    archive = DebianTree(tmp_path / "staging")
    archive.release(hello="one")
    root = archive.root / "dists/s/InRelease"
    with root.open("ab") as file:
        file.truncate(LARGEST + 1)
    with pytest.raises(ValueError, match="10000001 bytes"):
        text_of(root)
    with pytest.raises(SyncError, match=r"dists/s/InRelease: expected a Release file, found .*10000001 bytes"):
        inspect(View(archive.root, tmp_path / "tree"))
