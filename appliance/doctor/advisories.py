"""What is known to be wrong with versions of rsync, and which ones have it mended.

Sources: rsync's NEWS for 3.4.0 to 3.5.2, and the changelog of Debian's package in bookworm-security and trixie-security
as of 2026-11-21. Debian mends old versions in place, so its own versions are compared with its own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from debian.debian_support import Version


@dataclass(frozen=True, slots=True)
class Advisory:
    """What was published together: mended in ``upstream``'s version, and in Debian's by the number of the release."""

    names: Sequence[str]
    what: str
    upstream: str
    debian: Mapping[str, str]


def _many(year: int, *numbers: int) -> Sequence[str]:
    return [f"CVE-{year}-{number}" for number in numbers]


ADVISORIES: Final = (
    Advisory(
        _many(2024, 12084, 12085, 12086, 12087, 12088, 12747),
        "a client runs code at the server; a server writes and reads files at the client",
        "3.4.0",
        {"12": "3.2.7-1+deb12u1"},
    ),
    Advisory(
        _many(2025, 10158),
        "a client reads beyond a buffer of the server's",
        "3.4.2",
        {"12": "3.2.7-1+deb12u4", "13": "3.4.1+ds1-5+deb13u1"},
    ),
    Advisory(
        _many(2026, 41035),
        "use after free in extended attributes",
        "3.4.2",
        {"13": "3.4.1+ds1-5+deb13u2"},
    ),
    Advisory(
        _many(2026, 29518, 43617, 43618, 43619, 43620),
        "races with symbolic links; a server crashes its client and reads its memory",
        "3.4.3",
        {"12": "3.2.7-1+deb12u5", "13": "3.4.1+ds1-5+deb13u3"},
    ),
    Advisory(
        _many(2026, 45232),
        "a proxy writes beyond a buffer of the client's",
        "3.4.3",
        {"12": "3.2.7-1+deb12u6", "13": "3.4.1+ds1-5+deb13u4"},
    ),
    Advisory(
        _many(2026, *(n for n in range(53783, 53804) if n != 53787), *range(70452, 70465)),
        "escapes from a module, writes beyond buffers at client and server",
        "3.5.0",
        {},
    ),
    Advisory(
        _many(2026, 119741),
        "many clients of a public module together use up the server's CPU",
        "3.5.2",
        {"12": "3.5.0+ds1-0+deb12u1"},
    ),
)

KNOWN: Final = frozenset({"12", "13"})
"""The Debian releases that the table was made for."""

_RELEASE: Final = re.compile(r"[+~]deb(\d+)u\d+")


def release_of(package: str) -> str:
    """The Debian release that a version of a package was mended for; empty for any other version."""
    found = _RELEASE.search(package)
    return found[1] if found else ""


def applies(advisory: Advisory, version: str, package: str, release: str) -> bool:
    """Whether an rsync has what an advisory is about.

    ``version`` is its own, ``package`` that of the Debian package it is from (empty for none), ``release`` the
    number of the Debian release.
    """
    mended = advisory.debian.get(release) if package else None
    if package and mended and Version(package) >= Version(mended):
        return False
    return Version(version) < Version(advisory.upstream)


def is_mended_in(advisory: Advisory, release: str) -> bool:
    """Whether the table knows a version of a Debian release that has it mended."""
    return release in advisory.debian
