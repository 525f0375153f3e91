"""Whether we chose not to carry a path: rsync's include and exclude patterns, answered without asking rsync.

The meaning is that of rsync(1), PATTERN MATCHING RULES: the first rule that matches decides, a directory that is left
out takes with it everything below.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

_TOKEN: Final = re.compile(r"\*{2,}/|\*{2,}|\*|\?|\[[!^]?\]?(?:\[:\w+:\]|\\.|[^\]])*\]|\\.|.", re.DOTALL)
_WILD: Final = frozenset("*?[")
_MEMBER: Final = re.compile(r"\[:(\w+):\]|(\\.|.)(?:-(\\.|.))?", re.DOTALL)
_KINDS: Final[Mapping[str, str]] = {
    "alnum": "0-9A-Za-z", "alpha": "A-Za-z", "blank": " \\t", "cntrl": "\\x00-\\x1f\\x7f", "digit": "0-9",
    "graph": "!-~", "lower": "a-z", "print": " -~", "punct": "!-/:-@\\[-`{-~", "space": " \\t-\\r", "upper": "A-Z",
    "xdigit": "0-9A-Fa-f",
}  # fmt: skip

KNOWN: Final = 4096
"""Directories that are remembered; who asks in the order of a walk needs few of them."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One pattern: what it matches, whether directories only or (``whole``) and all in them, and its effect."""

    pattern: re.Pattern[str]
    directories: bool
    whole: bool
    excludes: bool

    def matches(self, path: str, directory: bool) -> bool:
        """Whether the rule is about a path, which begins with ``/``."""
        shown = f"{path}/" if directory and self.whole else path
        return (directory or not self.directories) and bool(self.pattern.fullmatch(shown))


@dataclass(frozen=True, slots=True)
class Choice:
    """The rules of one archive, in their order."""

    rules: tuple[Rule, ...] = ()
    _directories: dict[str, bool] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def of(cls, options: Sequence[str]) -> Choice:
        """From rsync options, each ``--exclude=PATTERN`` or ``--include=PATTERN``."""
        pairs = (option.removeprefix("--").partition("=") for option in options)
        return cls(tuple(_rule(pattern, word == "exclude") for word, _, pattern in pairs))

    def excludes(self, path: str, directory: bool = False) -> bool:
        """Whether a file (or ``directory``) of this relative path is left out, or a directory above it."""
        if not self.rules:
            return False
        *above, last = _downwards(path)
        return any(map(self._leaves_out_directory, above)) or self._leaves_out(last, directory)

    def _leaves_out_directory(self, path: str) -> bool:
        known = self._directories.get(path)
        if known is None:
            if len(self._directories) >= KNOWN:
                self._directories.clear()
            known = self._directories[path] = self._leaves_out(path, directory=True)
        return known

    def _leaves_out(self, path: str, directory: bool) -> bool:
        return next((rule.excludes for rule in self.rules if rule.matches(path, directory)), False)


def _downwards(path: str) -> Iterator[str]:
    """Every directory above the path, the top one first, and the path itself; each with a leading slash."""
    parts = path.split("/")
    return ("/" + "/".join(parts[:length]) for length in range(1, len(parts) + 1))


def _rule(pattern: str, excludes: bool) -> Rule:
    directories = pattern.endswith("/") and pattern != "/"
    body = pattern.removesuffix("/") if directories else pattern
    anchored = body.startswith("/")
    expression = _expression(body.removeprefix("/"), anchored)
    # Without an anchor a pattern may begin behind any slash; one without a slash then means the last part.
    whole = body.endswith("/***")
    return Rule(re.compile(("/" if anchored else "(?:.*/)") + expression, re.DOTALL), directories, whole, excludes)


def _expression(body: str, anchored: bool) -> str:
    if not _WILD & set(body):
        return re.escape(body)  # rsync takes backslashes literally then
    tokens = list(_TOKEN.finditer(body))
    return "".join(_translated(token[0], first=not (anchored or token.start())) for token in tokens)


def _translated(token: str, first: bool) -> str:
    if token.startswith("**"):
        return ("(?:.*/)?" if first else ".*/") if token.endswith("/") else ".*"
    match token:
        case "*":
            return "[^/]*"
        case "?":
            return "[^/]"
    if token[0] == "[" and len(token) > 1:
        return "(?!/)" + _set(token)
    return re.escape(token[1:] if token[0] == "\\" and len(token) > 1 else token)


def _set(token: str) -> str:
    body = token[1:-1]
    negated = body[:1] in ("!", "^")
    members = [_member(*found.groups()) for found in _MEMBER.finditer(body[negated:])]
    return f"[{'^' if negated else ''}{''.join(members)}]" if all(members) else "(?!)"


def _member(kind: str | None, first: str, last: str | None) -> str:
    """Empty for a kind that nobody knows. Of a range that goes backwards rsync takes the first letter."""
    if kind:
        return _KINDS.get(kind, "")
    one = re.escape(first[-1])
    return f"{one}-{re.escape(last[-1])}" if last and first[-1] <= last[-1] else one
