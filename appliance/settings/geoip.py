"""A database that knows the countries of addresses, in MaxMind's format (GeoLite2, DB-IP, …), as a mounted file."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, Final

import maxminddb
from pydantic import AfterValidator

from appliance.settings.faults import Fault

SAMPLE: Final = 1000
"""Networks of a database that are looked through for a country: those of providers or of cities alone have none."""

_FIELDS: Final = ("country", "registered_country", "country_code")
"""Where databases have it, the best first: a table with an iso_code, or the word itself."""

_COUNTRY: Final = re.compile(r"[A-Za-z]{2}")
_CURE: Final = "mount a country or city database in MaxMind's format, such as GeoLite2-Country.mmdb, readable for us"


def opened(path: Path) -> maxminddb.Reader:
    """The database in a file. Raises Fault when it cannot be read, is none, or knows no countries."""
    try:
        reader = maxminddb.open_database(path, maxminddb.MODE_MEMORY)
        found = any(country_of(record) for record in _some(reader))
    except OSError as error:
        raise Fault(f"{path}: {error.strerror or error}", _CURE) from None
    except Exception as error:  # what is broken in it may end in anything
        raise Fault(f"{path} is no database that can be read: {error}", _CURE) from None
    if not found:
        raise Fault(f"{path} ({reader.metadata().database_type}) knows no countries", _CURE)
    return reader


def _some(reader: maxminddb.Reader) -> Iterable[Any]:
    return (record for _, record in islice(reader, SAMPLE))


def readable(path: Path | None) -> Path | None:
    """The same path. Raises Fault as ``opened`` does."""
    if path:
        opened(path)
    return path


def country_of(record: Any) -> str:
    """The country in a record, two small letters; empty when it has none."""
    for field in _FIELDS if isinstance(record, dict) else ():
        value = record.get(field)
        word = value.get("iso_code") if isinstance(value, dict) else value
        if isinstance(word, str) and _COUNTRY.fullmatch(word):
            return word.lower()
    return ""


GeoIp = Annotated[Path | None, AfterValidator(readable)]
