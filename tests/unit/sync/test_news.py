from __future__ import annotations

import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.sync.debian.indices import Index
from appliance.sync.entry import Reference
from appliance.sync.news import SMALL, news

DIGEST = "0123456789abcdef" * 4

Package = tuple[str, int, str]
"""A name, a size, and something that the index says of it besides."""
PACKAGES = st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 2), st.sampled_from(["", "x", "y"])), max_size=6)


def text(packages: list[Package]) -> bytes:
    stanzas = (
        f"Package: {name}\nDescription: {said}\nFilename: pool/{name}.deb\nSize: {size}\nSHA256: {DIGEST}\n\n"
        for name, size, said in packages
    )
    return "".join(stanzas).encode()


def files(packages: list[Package]) -> set[tuple[str, int]]:
    return {(f"pool/{name}.deb", size) for name, size, _ in packages}


@dataclass(frozen=True)
class Whole:
    """An index of which nobody knows stanzas."""

    index: Index

    @property
    def path(self) -> str:
        return self.index.path

    def references(self) -> Iterator[Reference]:
        return self.index.references()


def index(place: Path, name: str, data: bytes) -> Index:
    (place / name).write_bytes(data)
    return Index("main/Packages", place / name)


@given(PACKAGES, PACKAGES, st.sampled_from([0, 200, SMALL]))
def test_exactly_the_files_that_are_named_now_and_were_not(
    tmp_path_factory: pytest.TempPathFactory, old: list[Package], new: list[Package], small: int
) -> None:
    place = tmp_path_factory.mktemp("indices")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("appliance.sync.news.SMALL", small)
        compare(place, old, new)


def compare(place: Path, old: list[Package], new: list[Package]) -> None:
    before, after = index(place, "old", text(old)), index(place, "new", text(new))
    expected = files(new) - files(old)
    assert {(one.path, one.size) for one in news(Whole(after), Whole(before))} == expected
    found = {(one.path, one.size) for one in news(after, before)}
    # A file that a stanza names as before, and another one too, is looked at once more.
    assert expected <= found <= expected | files([package for package in new if package not in old])
    assert not found & (files(old) - files([package for package in old if package in new]))


def test_without_an_old_one_all_is_new(tmp_path: Path) -> None:
    found = news(index(tmp_path, "new", text([("a", 1, "")])), None)
    assert [one.path for one in found] == ["pool/a.deb"]


def test_what_only_says_something_else_is_no_news(tmp_path: Path) -> None:
    old, new = (index(tmp_path, said, text([("a", 1, said), ("b", 1, "")])) for said in ("x", "y"))
    assert not list(news(new, old))


@pytest.mark.parametrize("small", [0, SMALL])
def test_an_old_one_that_cannot_be_read_vouches_for_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small: int
) -> None:
    monkeypatch.setattr("appliance.sync.news.SMALL", small)
    old = Index("main/Packages.gz", tmp_path / "old")
    old.held.write_bytes(gzip.compress(text([("a", 1, "")]))[:-4])
    assert [one.path for one in news(index(tmp_path, "new", text([("a", 1, "")])), old)] == ["pool/a.deb"]


def test_a_new_one_that_cannot_be_read_raises(tmp_path: Path) -> None:
    old = index(tmp_path, "old", text([("a", 1, "")]))
    with pytest.raises(ValueError, match="has no Filename"):
        list(news(index(tmp_path, "new", b"Package: b\nSize: 1\n"), old))
