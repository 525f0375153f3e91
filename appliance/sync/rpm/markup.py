"""XML metadata of any length, read in constant memory, and only as deep as an index needs.

A repomd.xml and a primary.xml are both a row of records below one root: ``data`` and ``package`` elements. What is two
levels below a record (what a package provides and requires) is most of the file and is left aside.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final
from xml.parsers import expat

LONGEST: Final = 8 << 20
"""Bytes of one tag, or of one text that is wanted; those of the largest repositories have some hundred."""

DEEPEST: Final = 64
"""Elements within each other; metadata has five."""

MOST_NAMES: Final = 4096
"""Names of elements and attributes, each of which the parser keeps; metadata has some dozens."""


@dataclass(slots=True)
class Part:
    """One element: its attributes and its text."""

    attributes: Mapping[str, str]
    text: str = ""


@dataclass(slots=True)
class Record:
    """One element below the root, and those in it that were wanted, by their names."""

    name: str
    itself: Part
    parts: dict[str, Part] = field(default_factory=dict)


def records(blocks: Iterable[bytes], root: str, wanted: Collection[str]) -> Iterator[Record]:
    """The records below ``root``, one after the other, of which elements with other names than ``wanted`` are left out.

    Raises ValueError for what is not such a document, and for one that declares a document type: no metadata does, and
    entities that grow without end are declared there.
    """
    reader = _Reader(root, wanted)
    for block in blocks:
        yield from reader.take(block)
    yield from reader.take(b"", final=True)


class _Reader:
    def __init__(self, root: str, wanted: Collection[str]) -> None:
        self._root, self._wanted = root, wanted
        self._done: list[Record] = []
        self._text: list[str] = []
        self._depth = self._fed = self._kept = 0
        self._record = Record("", Part({}))
        self._parser = expat.ParserCreate()
        self._parser.buffer_text = True
        self._parser.StartDoctypeDeclHandler = _refuse
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end

    def take(self, block: bytes, final: bool = False) -> list[Record]:
        """The records that end in this block."""
        self._fed += len(block)
        try:
            self._parser.Parse(block, final)
        except (expat.ExpatError, LookupError) as error:  # the latter for an encoding that nobody knows
            raise ValueError(f"it is not well-formed: {error}") from None
        if self._fed - self._parser.CurrentByteIndex > LONGEST + len(block):
            raise ValueError(f"a tag of it is longer than {LONGEST} bytes")
        if len(self._parser.intern) > MOST_NAMES:
            raise ValueError(f"it has more than {MOST_NAMES} names of elements and attributes")
        done, self._done = self._done, []
        return done

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth == 3 and name in self._wanted:
            self._record.parts[name] = Part(attributes)
            self._listen()
        elif self._depth == 2:
            self._record = Record(name, Part(attributes))
            if name in self._wanted:
                self._listen()
        elif self._depth == 1 and name != self._root:
            raise ValueError(f"it begins with <{name}> and not with <{self._root}>")
        elif self._depth > DEEPEST:
            raise ValueError(f"its elements are nested more than {DEEPEST} deep")

    def _end(self, name: str) -> None:
        if self._depth == 3 and name in self._wanted:
            self._record.parts[name].text = self._taken()
        elif self._depth == 2:
            if name in self._wanted:
                self._record.itself.text = self._taken()
            self._done.append(self._record)
        self._depth -= 1

    def _listen(self) -> None:
        self._kept = 0
        self._parser.CharacterDataHandler = self._keep

    def _keep(self, text: str) -> None:
        self._kept += len(text)
        if self._kept > LONGEST:
            raise ValueError(f"a text of it is longer than {LONGEST} bytes")
        self._text.append(text)

    def _taken(self) -> str:
        self._parser.CharacterDataHandler = None
        text = "".join(self._text).strip()
        self._text.clear()
        return text


def _refuse(name: str, *_: object) -> None:
    raise ValueError(f"it declares a document type, {name}")
