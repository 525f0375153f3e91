"""The assignments of a shell file, read and never run.

What only a shell could know (a variable from elsewhere, the output of a command, which branch is taken) is not guessed:
such a value is *open*, and says why. Everything that is no assignment is listed with its line.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from appliance.importing.words import SEPARATORS, UnclosedError, Word, Words

_ASSIGNMENT: Final = re.compile(r"([A-Za-z_]\w*)(\+?)=", re.ASCII)
_DECLARING: Final = frozenset({"declare", "export", "local", "readonly", "typeset"})
_PREFIXES: Final = frozenset({"!", "do", "elif", "else", "then", "time"})
_OPENING: Final = frozenset({"case", "for", "if", "select", "until", "while", "{"})
_LEADING: Final = frozenset({"if", "until", "while", "{"})
"""Words that another command follows."""
_CLOSING: Final = frozenset({"done", "esac", "fi", "}"})


@dataclass(frozen=True, slots=True)
class Value:
    """What a variable is set to; `open`, when it is not empty, is what is in it that only a shell could know."""

    line: int
    text: str
    open: str = ""


@dataclass(frozen=True, slots=True)
class Other:
    """Something that is no assignment: its line, and the word it begins with, which holds no secret."""

    line: int
    word: str


@dataclass(frozen=True, slots=True)
class Reading:
    """What a file says. A variable that is set twice has its last value."""

    values: Mapping[str, Value]
    others: tuple[Other, ...]


def read(text: str) -> Reading:
    """Read a shell file; never raises, never runs anything."""
    return _Reader(text).read()


class _Reader:
    def __init__(self, text: str) -> None:
        self._words = Words(text, self._known)
        self._depth = 0
        self._values: dict[str, Value] = {}
        self._others: dict[int, str] = {}

    def read(self) -> Reading:
        try:
            while self._words.next(beyond=SEPARATORS):
                self._command()
        except UnclosedError:
            self._others.setdefault(self._words.line, "a quote or bracket that is never closed")
        return Reading(self._values, tuple(Other(line, word) for line, word in self._others.items()))

    def _known(self, name: str) -> Word:
        """A variable of the same file is known, one from elsewhere is not."""
        value = self._values.get(name)
        return Word(value.text, value.open) if value else Word("", f"${name}")

    def _command(self) -> None:
        """Assignments up to the end of the command; with a word behind them they are for that word alone."""
        found: list[tuple[str, Value, bool]] = []
        declaring = False
        while self._words.next():
            line = self._words.line
            if match := _ASSIGNMENT.match(self._words.source, self._words.at):
                self._words.at = match.end()
                value = self._words.value()
                found.append((match[1], Value(line, value.text, value.open), bool(match[2])))
                continue
            word = self._words.read().text
            declaring = declaring or word in _DECLARING
            if not declaring and (found or word not in _PREFIXES):
                self._other(line, word)
                return
        for name, new, more in found:
            self._assign(name, new, more)

    def _other(self, line: int, word: str) -> None:
        """A command: what it begins with is noted, the rest of it passed over."""
        self._depth = max(0, self._depth + (word in _OPENING) - (word in _CLOSING))
        if word not in _CLOSING and word != "{":
            self._others.setdefault(line, word if re.fullmatch(r"[\w./\[-]{1,40}", word) else "a command")
        while word not in _LEADING and self._words.next():
            self._words.read()

    def _assign(self, name: str, new: Value, more: bool) -> None:
        before = self._values.get(name) if more else None
        text, open = (before.text + new.text, before.open or new.open) if before else (new.text, new.open)
        self._values[name] = Value(new.line, text, open or ("a condition" if self._depth else ""))
