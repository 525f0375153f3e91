from __future__ import annotations

from pathlib import Path

import pytest

from appliance.errors import SyncError
from appliance.sync.debian.release import LARGEST, parse, text_of
from appliance.sync.view import View
from tests.unit.sync.test_verify import inspect
from tests.unit.upstream import DebianTree

DIGEST = "0123456789abcdef" * 4


@pytest.mark.parametrize(
    "text",
    [
        f"SHA256: {DIGEST} 1 main/x\n",
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
