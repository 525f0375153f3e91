"""Looks at the mirrors: each through the path its users take, first the cheap question and then, for reason, all."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from appliance import names
from appliance.records import Publication
from appliance.tree import overhttp, probe, reports
from appliance.tree.overhttp import OverHttp, Tags
from appliance.tree.overrsync import OverRsync
from appliance.tree.probe import Glimpse
from appliance.tree.reader import PATIENCE, Reader
from appliance.tree.reports import Report

if TYPE_CHECKING:
    import httpx  # who looks at nobody by HTTP never imports it

FULL: Final = 900.0
"""Seconds after which indices and traces are looked at again although the serial is the same."""

DEADLINE: Final = 90.0
"""Seconds for one look."""

SETTLED: Final = 60.0
"""Seconds after which who has none of the indices that are compared is taken for one that carries others."""

TWICE: Final = 2
"""Looks in a row that see nothing before that is told: one lost packet is no news."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What the last look saw, and when; ``glimpse`` is the last one that saw something, at ``url`` and ``seen_at``.

    ``since`` is when it was first seen like that, ``whole_at`` when all of it was last looked at (monotonic seconds),
    ``failures`` how often in a row nothing was seen, and ``trouble`` why.
    """

    looked_at: float
    since: float
    url: str | None = None
    glimpse: Glimpse | None = None
    seen_at: float | None = None
    whole_at: float = 0.0
    failures: int = 0
    trouble: str = ""

    @property
    def is_settled(self) -> bool:
        """Whether what was seen fits together, or has been as it is for long enough: a mirror that has none of our
        indices may carry others, or be in the middle of getting them."""
        if not self.glimpse or self.glimpse.consistent is False:
            return False
        return bool(self.glimpse.consistent) or self.looked_at - self.since > SETTLED

    @property
    def error(self) -> str:
        """Why nothing is seen now; empty as long as that may be chance."""
        return self.trouble if self.failures >= TWICE else ""


class Lookout:
    """Where we look from; ``scratch`` is a directory for a moment's files. One HTTP client serves all looks."""

    def __init__(self, scratch: Path) -> None:
        self._scratch, self._tags = scratch, Tags()
        self._made: httpx.AsyncClient | None = None

    @property
    def _client(self) -> httpx.AsyncClient:
        self._made = self._made or overhttp.client()
        return self._made

    async def close(self) -> None:
        """End every connection."""
        if self._made:
            await self._made.aclose()
            self._made = None

    async def look(
        self, urls: Sequence[str], publications: Sequence[Publication], above: Sequence[str], before: Seen | None
    ) -> Seen:
        """Look at the first of the URLs where something can be seen. Never raises for what a mirror does."""
        troubles = []
        for url in urls:
            try:
                async with asyncio.timeout(DEADLINE):
                    return await self._at(url, publications, above, before)
            except TimeoutError:
                troubles.append(f"{url} does not answer within {PATIENCE:g} s")
            except OSError as error:
                troubles.append(f"{url}: {error}")
        return _blind(before, "; ".join(troubles))

    async def _at(
        self, url: str, publications: Sequence[Publication], above: Sequence[str], before: Seen | None
    ) -> Seen:
        async with asyncio.timeout(PATIENCE):
            await names.known(url)
        known = before.glimpse if before and before.url == url and before.is_settled else None
        same = known is not None and await probe.is_same(self._reader(url), known, above)
        if same and known and before and time.monotonic() - before.whole_at < FULL:
            return _sight(url, known, before, before.whole_at)
        glimpse = await probe.look(self._reader(url, is_settled=same), publications, above)
        return _sight(url, glimpse, before, time.monotonic())

    def _reader(self, url: str, is_settled: bool = False) -> Reader:
        if url.startswith("rsync:"):
            return OverRsync(url, self._scratch)
        return OverHttp(self._client, url, self._tags, is_settled)

    async def report(self, url: str) -> Report | None:
        """The report of the appliance that serves this URL; None when there is none. Raises OSError, TimeoutError."""
        place = urlsplit(url)
        async with asyncio.timeout(PATIENCE):
            await names.known(url)
        text = await OverHttp(self._client, f"{place.scheme}://{place.netloc}").text(reports.PATH, reports.LONGEST)
        try:
            return reports.parse(text, time.time()) if text else None
        except ValueError:
            return None


def _sight(url: str, glimpse: Glimpse, before: Seen | None, whole_at: float) -> Seen:
    now = time.time()
    same = before is not None and before.glimpse == glimpse and not before.failures
    return Seen(now, before.since if before and same else now, url, glimpse, now, whole_at)


def _blind(before: Seen | None, trouble: str) -> Seen:
    now = time.time()
    before = before or Seen(now, now)
    since = before.since if before.failures else now
    return replace(before, looked_at=now, since=since, failures=before.failures + 1, trouble=trouble)
