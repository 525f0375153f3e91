"""A repository's metalink as dnf reads it (metalink 3.0): where its repomd.xml is, and what it must be.

The checksum is that of what we publish. What it was before is acceptable too, as long as mirrors carry that: each
mirror is named with the edition that its serial stands for, so that a client is never sent where it would be refused.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final
from xml.sax.saxutils import escape, quoteattr

from appliance.tree.lists import listed
from appliance.tree.place import Place, newest

ROOT: Final = "repodata/repomd.xml"
HIGHEST: Final = 100
_SPACES: Final = (
    'xmlns="http://www.metalinker.org/" xmlns:mm0="http://fedorahosted.org/mirrormanager"'
    ' type="dynamic" generator="push-mirror"'
)


@dataclass(frozen=True, slots=True)
class Edition:
    """A repomd.xml that was published: from the serial ``since`` on; ``written`` is the time of its file."""

    since: int
    written: int
    size: int
    sha256: str
    sha512: str

    @classmethod
    def of(cls, content: bytes, written: int, since: int) -> Edition:
        """What is to be known of a file that has this content."""
        sums = (hashlib.new(name, content).hexdigest() for name in ("sha256", "sha512"))
        return cls(since, written, len(content), *sums)


def metalink(
    all: Sequence[Place], repository: str, editions: Sequence[Edition], secure: bool, country: str = ""
) -> str:
    """The text; ``editions`` are those that mirrors may have, the newest and published one first."""
    now = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(editions[0].written))
    below = f"{repository}/{ROOT}" if repository else ROOT
    ours = newest(all)
    fit = [one for one in listed(all, country) if one.ours or carried(one, editions, ours)]
    urls = "".join(_url(f"{one.url(secure)}/{below}", one, HIGHEST - place) for place, one in enumerate(fit))
    others = "".join(f"    <mm0:alternate>\n{_file(one)}    </mm0:alternate>\n" for one in editions[1:])
    alternates = f"   <mm0:alternates>\n{others}   </mm0:alternates>\n" if others else ""
    return (
        f'<?xml version="1.0" encoding="utf-8"?>\n<metalink version="3.0" {_SPACES} pubdate="{now}">\n <files>\n'
        f'  <file name="repomd.xml">\n{_file(editions[0])}{alternates}   <resources maxconnections="1">\n{urls}'
        "   </resources>\n  </file>\n </files>\n</metalink>\n"
    )


def carried(place: Place, editions: Iterable[Edition], ours: int | None) -> Edition | None:
    """The edition that a mirror has by the serial it carries; None when that is not known, as of one ahead of us."""
    if place.number is None or ours is None or place.number > ours or place.consistent is False:
        return None
    return next((one for one in editions if one.since <= place.number), None)


def _url(url: str, one: Place, preference: int) -> str:
    scheme = url.partition(":")[0]
    where = f" location={quoteattr(one.country.upper())}" if one.country else ""
    attributes = f'protocol="{scheme}" type="{scheme}"{where} preference="{max(1, preference)}"'
    return f"    <url {attributes}>{escape(url)}</url>\n"


def _file(one: Edition) -> str:
    return (
        f"    <mm0:timestamp>{one.written}</mm0:timestamp>\n    <size>{one.size}</size>\n    <verification>\n"
        f'     <hash type="sha256">{one.sha256}</hash>\n     <hash type="sha512">{one.sha512}</hash>\n'
        "    </verification>\n"
    )
