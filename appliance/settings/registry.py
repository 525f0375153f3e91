"""The registry: mirrors that we neither feed nor trigger but know of, as their operators told us (TOML).

One table for each mirror, named like the mirror, with what a registration asks for: contact, country, bandwidth, URLs.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

from pydantic import BeforeValidator, PlainSerializer

from appliance.settings.addresses import HOST
from appliance.settings.faults import Fault, Faults
from appliance.settings.registered import RegisteredMirror
from appliance.settings.values import NAME

SCHEMES: Final = ("http", "https", "rsync")
"""How users reach a mirror."""

HEAVIEST: Final = 1_000_000
"""The largest weight."""

_FORM: Final = (
    'write a table for each mirror: ["mirror.example.org"], below it urls = ["https://mirror.example.org/*/"]'
)
_URL: Final = "write https://host/path/, http:// or rsync://, with * for the name of the archive"
_COUNTRY: Final = re.compile(r"[a-z]{2}")


def parse(text: Any) -> Any:
    """The mirrors of a TOML text. Raises Faults with everything that is wrong with it."""
    if not isinstance(text, str):
        return text
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise Fault(f"is not TOML: {error}", _FORM) from None
    faults: list[Fault] = []
    mirrors = tuple(_mirror(name, table, faults) for name, table in tables.items())
    if faults:
        raise Faults(faults)
    return mirrors


def _mirror(name: str, table: object, faults: list[Fault]) -> RegisteredMirror:
    """What is right of one table; the rest is added to ``faults``."""
    if not NAME.fullmatch(name):
        faults.append(Fault(f"{name!r} is not the name of a host", _FORM))
    if not isinstance(table, Mapping):
        faults.append(Fault(f"{name} is not a table", _FORM))
        return RegisteredMirror(name)
    if any(isinstance(value, Mapping) for value in table.values()):
        faults.append(Fault(f"{name} has a table in it: a name with dots stands in quotation marks", _FORM))
        return RegisteredMirror(name)
    values: dict[str, Any] = {}
    for key, value in table.items():
        try:
            values[key] = _read(key, value)
        except Fault as fault:
            faults.append(Fault(f"{name}: {fault.fact}", fault.cure))
    if "urls" not in table:
        faults.append(Fault(f"{name} has no urls", "without one nobody can look at it, and no user get there"))
    return RegisteredMirror(name, **values) if not faults else RegisteredMirror(name)


def _read(key: str, value: object) -> object:
    if (read := _READERS.get(key)) is None:
        raise Fault(f"there is no {key!r}", f"choose among {', '.join(_READERS)}")
    try:
        return read(value)
    except Fault as fault:
        raise Fault(f"{key} {fault.fact}", fault.cure) from None


def _text(value: object) -> str:
    if not isinstance(value, str) or not value.isprintable():
        raise Fault(f"is {value!r}", "write one line of text in quotation marks")
    return value.strip()


def _country(value: object) -> str:
    if not _COUNTRY.fullmatch(text := _text(value).lower()):
        raise Fault(f"is {value!r}", "write its two letters (ISO 3166), such as de")
    return text


def _name(value: object) -> str:
    if not NAME.fullmatch(text := _text(value)):
        raise Fault(f"is {value!r}", "write the name of a mirror, as its trace files have it")
    return text


def _weight(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= HEAVIEST:
        raise Fault(f"is {value!r}", f"write a whole number, 0 to {HEAVIEST}; 100 is usual")
    return value


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise Fault(f"is {value!r}", "write true or false")
    return value


def _names(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise Fault(f"is {value!r}", 'write a list, such as ["debian"]')
    return tuple(map(_name, value))


def _urls(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not value:
        raise Fault(f"is {value!r}", f'write a list, such as ["https://mirror.example.org/*/"]; {_URL}')
    return tuple(map(_url, value))


def _url(value: object) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"[!-~]+", value) or not _is_place(value):
        raise Fault(f"has {value!r}", _URL)
    return value.rstrip("/")


def _is_place(text: str) -> bool:
    """Whether a URL names a host, a path where rsync needs one, and nothing more."""
    try:
        url = urlsplit(text)
        usable = url.scheme in SCHEMES and HOST.fullmatch(url.hostname or "") and url.port != 0
    except ValueError:
        return False
    more = url.username or url.password or url.query or url.fragment
    return bool(usable and not more and (url.scheme != "rsync" or url.path.strip("/")))


_READERS: Final[Mapping[str, Callable[[object], object]]] = {
    "contact": _text,
    "country": _country,
    "bandwidth": _text,
    "sponsor": _text,
    "weight": _weight,
    "parent": _name,
    "archives": _names,
    "urls": _urls,
    "listed": _flag,
}


def unfit(mirrors: tuple[RegisteredMirror, ...], archives: tuple[str, ...]) -> Iterator[Fault]:
    """What does not fit the archives that we hold."""
    known = f"the archives are {', '.join(archives) or 'none'}"
    for mirror in mirrors:
        for name in sorted(set(mirror.archives) - set(archives)):
            yield Fault(f"{mirror.name}: there is no archive {name!r}", known)
        if len(mirror.archives or archives) > 1 and any("*" not in url for url in mirror.urls):
            fact = f"{mirror.name}: a URL without * would be that of several archives"
            yield Fault(fact, "write * for the archive's name, or name the one archive in archives")


Registry = Annotated[
    tuple[Annotated[RegisteredMirror, PlainSerializer(str)], ...],
    BeforeValidator(parse),
]
