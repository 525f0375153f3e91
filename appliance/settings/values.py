"""Names, words, lines and patterns: what a variable's text may be, and what is said when it is not."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, PlainSerializer

from appliance.settings.faults import Fault
from appliance.space import Reserve, reserve

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")
USER_PATTERN = re.compile(r"[A-Za-z0-9_*?][A-Za-z0-9._*?-]*")
PATH_STEP = re.compile(r"[A-Za-z0-9._~-]+")
"""What a URL's path may hold as it is (RFC 3986, unreserved)."""
HEADER = re.compile(r"[A-Za-z0-9-]{1,64}")


class FromFile:
    """Marks a setting that may also be given as the name of a file, in the variable's name + `_FILE`."""


FILE = FromFile()


def parse_reserve(value: Any) -> Any:
    """What is kept free of a volume, from `1%`, `20G` or `0`."""
    if not isinstance(value, str):
        return value
    try:
        return reserve(value)
    except ValueError:
        raise Fault(f"{value!r} is neither a share nor a size", "write such as 1%, 20G or 0") from None


def split_words(value: Any) -> Any:
    """A list, separated by commas or white space."""
    return tuple(value.replace(",", " ").split()) if isinstance(value, str) else value


def split_patterns(value: Any) -> Any:
    """A list, separated by white space only: a pattern may hold a comma."""
    return tuple(value.split()) if isinstance(value, str) else value


def glob(text: str) -> str:
    """One rsync pattern, and no option."""
    if text.startswith("-"):
        raise Fault(f"{text!r} is not a pattern", "write patterns alone, such as *.db or /lastupdate")
    return single_line(text)


def single_line(text: str) -> str:
    """A text that cannot end the line it is rendered into."""
    if any(not character.isprintable() for character in text) or text.endswith("\\"):
        raise Fault("holds a control character or ends in a backslash", "write it as one line of plain text")
    return text


def header_name(text: str) -> str:
    """A header that reaches us: nginx keeps back those with an underscore in their names."""
    if text and not HEADER.fullmatch(text):
        raise Fault(f"{text!r} is not the name of a header", "use letters, digits and dashes, such as CF-IPCountry")
    return text


def user_pattern(text: str) -> str:
    """A user of the rsync daemon, with wildcards as its `auth users` reads them. Raises Fault."""
    if not USER_PATTERN.fullmatch(text):
        raise Fault(f"{text!r} is not a user name", "use letters, digits, . _ - and the wildcards * and ? only")
    return text


Kept = Annotated[Reserve, BeforeValidator(parse_reserve), PlainSerializer(str)]
HeaderName = Annotated[str, AfterValidator(header_name)]
Line = Annotated[str, AfterValidator(single_line)]
Words = Annotated[tuple[str, ...], BeforeValidator(split_words)]
Patterns = Annotated[tuple[Line, ...], BeforeValidator(split_patterns)]
Globs = Annotated[tuple[Annotated[str, AfterValidator(glob)], ...], BeforeValidator(split_patterns)]
UserPatterns = Annotated[tuple[Annotated[str, AfterValidator(user_pattern)], ...], BeforeValidator(split_words)]
