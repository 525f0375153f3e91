"""A shell file as words, their quotes taken off: nothing is expanded but variables whose value the caller knows."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

NAME: Final = re.compile(r"[A-Za-z_]\w*", re.ASCII)
SEPARATORS: Final = "\n;&|()"
_ENDS: Final = " \t\r<>" + SEPARATORS


class UnclosedError(Exception):
    """The text ends within quotes or brackets."""


@dataclass(slots=True)
class Word:
    """The text of a word; `open`, when it is not empty, is what is in it that only a shell could know."""

    text: str = ""
    open: str = ""

    def add(self, text: str, open: str = "") -> None:
        """More of it; what was open first stays the reason."""
        self.text += text
        self.open = self.open or open


class Words:
    """A place in a text that moves on with every reading; `known` is asked for the value of a variable."""

    def __init__(self, source: str, known: Callable[[str], Word]) -> None:
        self.source, self.at = source, 0
        self._known = known
        self._counted, self._lines = 0, 1

    @property
    def line(self) -> int:
        """The number of the line we are in."""
        self._lines += self.source.count("\n", self._counted, self.at)
        self._counted = self.at
        return self._lines

    def next(self, beyond: str = "") -> bool:
        """Move to the next word; False when there is none before a separator that is not in `beyond`."""
        while character := self._peek():
            if character == "#":
                end = self.source.find("\n", self.at)
                self.at = len(self.source) if end < 0 else end
            elif self.source.startswith("\\\n", self.at):
                self.at += 2
            elif character in SEPARATORS and character not in beyond:
                return False
            elif character in _ENDS:
                self.at += 1
            else:
                return True
        return False

    def read(self) -> Word:
        """The word we are at, which may be empty."""
        word = Word()
        while (character := self._peek()) and character not in _ENDS:
            self._readers.get(character, Words._plain)(self, word)
        return word

    def value(self) -> Word:
        """The right side of an assignment."""
        if self._peek() == "(":
            self._skip_brackets("(", ")")
            return Word("", "a list")
        if self._peek() == "~":
            return Word(self.read().text, "~")
        return self.read()

    def _peek(self) -> str:
        return self.source[self.at : self.at + 1]

    def _plain(self, word: Word) -> None:
        word.add(self._peek())
        self.at += 1

    def _single(self, word: Word) -> None:
        end = self.source.find("'", self.at + 1)
        if end < 0:
            raise UnclosedError
        word.add(self.source[self.at + 1 : end])
        self.at = end + 1

    def _double(self, word: Word) -> None:
        self.at += 1
        while (character := self._peek()) != '"':
            if not character:
                raise UnclosedError
            following = self.source[self.at + 1 : self.at + 2]
            if character == "`" or (character == "$" and following not in ("'", '"')):
                self._readers[character](self, word)
            elif character == "\\" and following in tuple('"\\$`\n'):
                self._escape(word)
            else:
                self._plain(word)
        self.at += 1

    def _escape(self, word: Word) -> None:
        escaped = self.source[self.at + 1 : self.at + 2]
        word.add("" if escaped == "\n" else escaped or "\\")
        self.at += 2

    def _backticks(self, word: Word) -> None:
        self.at += 1
        while (character := self._peek()) != "`":
            if not character:
                raise UnclosedError
            self.at += 2 if character == "\\" else 1
        self.at += 1
        word.add("", "the output of a command")

    def _reference(self, word: Word) -> None:
        self.at += 1
        following = self._peek()
        if match := NAME.match(self.source, self.at):
            self.at = match.end()
            self._look_up(word, match[0])
        elif following == "(":
            self._skip_brackets("(", ")")
            word.add("", "the output of a command")
        elif following == "{":
            start = self.at + 1
            self._skip_brackets("{", "}")
            self._look_up(word, self.source[start : self.at - 1])
        elif following and following in "'\"":
            # The quotes that begin with a dollar sign: read with what stands behind them, known to nobody.
            word.add("", f"${following}…{following}")
        elif following and following in "0123456789@*#?$!-":
            self.at += 1
            word.add("", f"${following}")
        else:
            word.add("$")

    def _look_up(self, word: Word, name: str) -> None:
        if NAME.fullmatch(name):
            known = self._known(name)
            word.add(known.text, known.open)
        else:
            begins = NAME.match(name)
            word.add("", f"${{{begins[0] if begins else ''}…}}")

    def _skip_brackets(self, opening: str, closing: str) -> None:
        depth = 0
        while character := self._peek():
            if character in "'\"":
                self._readers[character](self, Word())
                continue
            self.at += 2 if character == "\\" else 1
            depth += (character == opening) - (character == closing)
            if depth == 0:
                return
        raise UnclosedError

    _readers: Final = {"'": _single, '"': _double, "\\": _escape, "$": _reference, "`": _backticks}
