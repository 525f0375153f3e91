from __future__ import annotations

import re
import tracemalloc
from collections.abc import Iterator

import pytest

from appliance.sync.rpm.markup import DEEPEST, LONGEST, MOST_NAMES, records

BOMB = b"""<?xml version="1.0"?>
<!DOCTYPE r [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]>
<r><x>&c;</x></r>"""


def test_records_and_their_parts_in_blocks_of_any_size() -> None:
    text = b"<r><x k='1'><a at='2'> one &amp; two </a><b>no<a>deep</a></b><c/></x><n>7</n><x/></r>"
    for size in (1, 3, 1000):
        blocks = [text[start : start + size] for start in range(0, len(text), size)]
        first, number, last = records(blocks, "r", ("a", "c", "n"))
        assert (first.name, first.itself.attributes) == ("x", {"k": "1"})
        assert {name: (part.attributes, part.text) for name, part in first.parts.items()} == {
            "a": ({"at": "2"}, "one & two"),
            "c": ({}, ""),
        }
        assert (number.name, number.itself.text, last.parts) == ("n", "7", {})


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (BOMB, "declares a document type, r"),
        (b"<!DOCTYPE r SYSTEM 'file:///etc/passwd'><r/>", "declares a document type"),
        (b"", "not well-formed: no element found"),
        (b"<r><x></r>", "not well-formed: mismatched tag"),
        (b"<r><x/>", "not well-formed"),
        (b"<r>&a;</r>", "not well-formed: undefined entity"),
        (b"<html/>", "begins with <html> and not with <r>"),
        (b"<r>" + b"<x>" * DEEPEST, f"nested more than {DEEPEST} deep"),
    ],
)
def test_what_is_refused(text: bytes, complaint: str) -> None:
    with pytest.raises(ValueError, match=re.escape(complaint)):
        list(records([text], "r", ("x", "a")))


def endless(start: bytes, more: bytes) -> Iterator[bytes]:
    yield start
    while True:
        yield more


@pytest.mark.parametrize(
    ("start", "complaint"),
    [(b"<r><x a='", f"a tag of it is longer than {LONGEST}"), (b"<r><x>", f"a text of it is longer than {LONGEST}")],
)
def test_what_never_ends_is_given_up(start: bytes, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        list(records(endless(start, b"a" * (1 << 20)), "r", ("x",)))


@pytest.mark.parametrize("encoding", ["nobody-knows-it", "hex", "utf-7", "idna", "ascii\0"])
def test_what_nobody_can_read_says_so(encoding: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        list(records([f"<?xml version='1.0' encoding='{encoding}'?><r/>".encode()], "r", ()))


def test_names_without_end_are_given_up() -> None:
    blocks = (b"<r>" * (not n) + b"<x a%d=''/>" % n for n in range(10 * MOST_NAMES))
    with pytest.raises(ValueError, match=f"more than {MOST_NAMES} names"):
        list(records(blocks, "r", ("x",)))


def test_many_records_need_no_more_memory_than_a_few() -> None:
    record = b"<x><a>text</a>" + b"<b><c d='e'/></b>" * 20 + b"</x>"
    blocks = (b"<r>" * (not n) + record * 100 + b"</r>" * (n == 99) for n in range(100))
    tracemalloc.start()
    count = sum(1 for _ in records(blocks, "r", ("a",)))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 10_000
    assert peak < 2 << 20
