from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from appliance.sync import beforehand, news
from appliance.sync.beforehand import FEW, Beforehand, Read
from appliance.sync.debian.indices import Index
from appliance.sync.entry import Reference

STANZA = "Package: {0}\nFilename: pool/{0}\nSize: 3\n"


def index(place: Path, name: str, *packages: str) -> Index:
    file = place / name / "Packages"
    file.parent.mkdir()
    file.write_text("\n".join(STANZA.format(package) for package in packages))
    return Index(f"{name}/Packages", file)


def test_an_index_is_read_once_and_says_the_same(tmp_path: Path) -> None:
    published, reader = index(tmp_path, "main", "a", "b"), Beforehand()
    reader.expect(published)
    known = reader.known(published)
    assert isinstance(known, Read)
    published.held.unlink()
    (stanzas,) = known.stanzas()
    assert [reference.path for one in stanzas for reference in known.named_in(one)] == ["pool/a", "pool/b"]
    assert known.path == published.path
    assert reader.known(published) is published, "who asks again has to read it himself"


def test_news_are_the_same_either_way(tmp_path: Path) -> None:
    new, old = index(tmp_path, "new", "a", "b", "c"), index(tmp_path, "old", "b", "d")
    reader = Beforehand()
    reader.expect(old)
    known = reader.known(old)
    assert known is not old
    assert (
        list(news.news(new, known))
        == list(news.news(new, old))
        == [Reference("pool/a", 3, ""), Reference("pool/c", 3, "")]
    )


def test_what_cannot_be_read_or_is_large_is_left_to_who_asks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(news, "SMALL", 100)
    reader = Beforehand()
    gone, large = index(tmp_path, "gone", "a"), index(tmp_path, "large", *"abcdef")
    gone.held.unlink()
    for one in (gone, large):
        reader.expect(one)
        assert reader.known(one) is one


def test_of_many_the_first_ones_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    indices = [index(tmp_path, str(number), "a") for number in range(FEW + 3)]
    monkeypatch.setattr(beforehand, "MOST", 3 * len(STANZA.format("a")))
    reader = Beforehand()
    for one in indices:
        reader.expect(one)
    assert not reader.has_room
    assert [reader.known(one) is not one for one in indices] == [True] * 3 + [False] * FEW


def test_what_is_forgotten_was_never_read(tmp_path: Path) -> None:
    published, reader = index(tmp_path, "main", "a"), Beforehand()
    reader.expect(published)
    reader.forget()
    assert reader.known(published) is published
    reader.expect(published)
    assert reader.known(published) is not published


def test_who_asks_meanwhile_waits(tmp_path: Path) -> None:
    begun, let = threading.Event(), threading.Event()

    @dataclass(frozen=True)
    class Slow:
        index: Index
        path: str = field(default="", compare=False)

        def references(self) -> Iterator[Reference]:
            raise AssertionError

        def stanzas(self) -> Iterator[list[bytes]]:
            begun.set()
            assert let.wait(60)
            yield from self.index.stanzas()

        def named_in(self, stanza: bytes) -> Iterator[Reference]:
            return self.index.named_in(stanza)

    slow, reader = Slow(index(tmp_path, "main", "a")), Beforehand()
    reader.expect(slow)
    assert begun.wait(60)
    threading.Timer(0.05, let.set).start()
    assert reader.known(slow) is not slow
