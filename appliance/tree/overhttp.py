"""A mirror's files by HTTP. A hostile one can neither send us elsewhere, nor keep us, nor fill our memory."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, urljoin, urlsplit

from appliance import __version__, calls, tracefile
from appliance.digest import LARGEST, Digest
from appliance.tree.reader import PATIENCE

if TYPE_CHECKING:
    import httpx  # most mirrors look at nobody by HTTP: who does imports it then

REDIRECTS: Final = 3
"""How often a mirror may send us on, to other places of its own."""

_ABSENT: Final = (403, 404, 410)
_SENT_ON: Final = (301, 302, 303, 307, 308)
_LONG: Final = 60.0
"""Seconds for one index."""


def client() -> httpx.AsyncClient:
    """What all looks share."""
    import httpx

    return calls.client(
        event_hooks={},  # whoever looks has looked up the name, once for many files
        limits=httpx.Limits(max_connections=100, max_keepalive_connections=20, keepalive_expiry=5),
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        headers={"User-Agent": f"push-mirror/{__version__} (watch)"},
    )


class Tags:
    """The ETags of indices, with the digest of what they stand for: what is the same need not travel again."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[str, str]] = {}

    def of(self, url: str) -> tuple[str, str] | None:
        """The tag of a URL, and the digest that belongs to it."""
        return self._known.get(url)

    def note(self, url: str, tag: str | None, digest: str) -> None:
        """Remember a strong tag."""
        if tag and not tag.startswith("W/") and len(tag) < 200 and tag.isascii() and tag.isprintable():
            self._known[url] = tag, digest
        else:
            self._known.pop(url, None)


class OverHttp:
    """One archive at one mirror. ``is_settled``: indices are asked for as caches do, by their ``tags``.

    Never after a change: servers make their tags of size and time, and two states of one second may share both.
    """

    def __init__(
        self, client: httpx.AsyncClient, site: str, tags: Tags | None = None, is_settled: bool = False
    ) -> None:
        self._client, self._site = client, site
        self._tags, self._is_settled = tags or Tags(), is_settled

    async def texts(self, paths: Sequence[str]) -> dict[str, str]:
        """See ``Reader``."""
        found = {path: await self.text(path) for path in paths}
        return {path: text for path, text in found.items() if text is not None}

    async def digests(self, paths: Sequence[str]) -> dict[str, str]:
        """See ``Reader``."""
        found = {path: await self._digest(path) for path in paths}
        return {path: digest for path, digest in found.items() if digest}

    async def listing(self) -> str:
        """See ``Reader``: a page with links."""
        return await self.text(f"{tracefile.DIRECTORY}/") or ""

    async def text(self, path: str, longest: int = tracefile.LONGEST) -> str | None:
        """One file, None when it is not there or too large. Raises OSError."""
        async with asyncio.timeout(PATIENCE), self._get(path) as answer:
            if answer is None:
                return None
            text = b""
            async for part in answer.aiter_raw():
                text += part
                if len(text) > longest:
                    return None
            return text.decode("utf-8", "replace")

    async def _digest(self, path: str) -> str | None:
        url = self._url(path)
        known = self._tags.of(url) if self._is_settled else None
        async with asyncio.timeout(_LONG), self._get(path, known[0] if known else None) as answer:
            if answer is None:
                return None
            if known and answer.status_code == 304:
                return known[1]
            made, size = Digest(), 0
            async for part in answer.aiter_raw():
                made.add(part)
                size += len(part)
                if size > LARGEST:
                    return None
            self._tags.note(url, answer.headers.get("ETag"), str(made))
            return str(made)

    def _url(self, path: str) -> str:
        return f"{self._site}/{quote(os.fsencode(path))}"

    @asynccontextmanager
    async def _get(self, path: str, tag: str | None = None) -> AsyncIterator[httpx.Response | None]:
        """The answer where the mirror sends us on to, None for a file that is not there. Raises OSError."""
        import httpx

        headers = {"Cache-Control": "no-cache", **({"If-None-Match": tag} if tag else {})}
        url = self._url(path)
        try:
            for _ in range(1 + REDIRECTS):
                async with self._client.stream("GET", url, headers=headers) as answer:
                    if answer.status_code in _SENT_ON:
                        url = _next(url, answer.headers.get("Location", ""))
                        continue
                    if answer.status_code in _ABSENT:
                        yield None
                    elif (answer.status_code == 304 and tag) or answer.status_code == 200:
                        yield answer
                    else:
                        raise OSError(f"status {answer.status_code}")
                    return
            raise OSError("it sends us on again and again")
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise OSError(str(error).splitlines()[0] if str(error) else type(error).__name__) from None


def _next(url: str, location: str) -> str:
    """Where a mirror sends us on to. Raises OSError when that is another host: nobody has asked us to look there."""
    try:
        there = urljoin(url, location)
        old, new = urlsplit(url), urlsplit(there)
        _ = new.port  # read, or nobody asks whether there is such a one
    except ValueError:
        raise OSError("it sends us on to no URL") from None
    if new.hostname != old.hostname or new.scheme not in ("http", "https"):
        raise OSError(f"it sends us on to another host, {new.hostname!r}")
    return there
