from __future__ import annotations

from appliance.sync.debian.indices import bases_of, is_index


def test_bases() -> None:
    assert bases_of("dists/stable/updates") == ("",)
    assert bases_of("debian/dists/s") == ("debian",)
    assert bases_of("a/b") == ("a/b", "a", "")
    assert bases_of("") == ("",)


def test_which_listed_files_name_payload() -> None:
    names = ("Packages", "Packages.xz", "Sources.gz", "Contents-amd64.gz", "Release", "Packages.diff")
    assert [name for name in names if is_index(f"main/{name}")] == ["Packages", "Packages.xz", "Sources.gz"]
