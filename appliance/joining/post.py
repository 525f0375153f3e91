"""Hand a line in at an upstream's door, and take its answer, by HTTP or HTTPS: who listens in learns nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Final
from urllib.parse import urlsplit

from appliance import calls
from appliance.joining import paper

DEADLINE: Final = 30.0
"""Seconds for one exchange: the other side answers at once."""


class Unheard(Exception):
    """There is no answer: the fact, and the cure."""

    def __init__(self, fact: str, cure: str) -> None:
        super().__init__(fact)
        self.fact, self.cure = fact, cure


async def hand_in(url: str, line: str, deadline: float = DEADLINE) -> str:
    """What is answered to the line; raises Unheard."""
    import httpx  # most mirrors were not invited

    host = urlsplit(url).netloc
    try:
        async with (
            asyncio.timeout(deadline),
            calls.client() as client,
            client.stream("POST", url, content=line.encode()) as answer,
        ):
            said = await _read(answer.aiter_raw()) if answer.is_success else ""
    except TimeoutError:
        raise Unheard(f"{host} does not answer within {deadline:g} s", _SELF) from None
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise Unheard(f"{host} cannot be reached: {error or type(error).__name__}", _SELF) from None
    if not answer.is_success:
        raise _refusal(url, answer.status_code, answer.headers.get("location", ""))
    return said


_SELF: Final = "it is tried again by itself; or have its operator paste the line that mirrorctl join shows"


async def _read(parts: AsyncIterator[bytes]) -> str:
    """No more than a paper can be long."""
    said = b""
    async for part in parts:
        said += part
        if len(said) > paper.LONGEST:
            raise Unheard("what is answered there is too long to be an answer", _ADDRESS)
    return said.decode("ascii", "replace")


_ADDRESS: Final = (
    "have the upstream's operator set MIRROR_PUBLIC__HTTP to where its mirror is reached, and invite again"
)


def _refusal(url: str, status: int, location: str) -> Unheard:
    host = urlsplit(url).netloc
    if status == 403:
        cure = (
            "the invitation was replaced by a later one, or ended long ago, or its records were lost or set back:"
            " ask its operator for another (mirrorctl invite)"
        )
        return Unheard(f"{host} does not know what we were invited by", cure)
    if status in (429, 502, 503, 504):
        return Unheard(f"{host} has no time for us now (status {status})", _SELF)
    if location:
        return Unheard(f"{host} sends us elsewhere, to {location[:200]}", _ADDRESS)
    return Unheard(f"{host} has no door for those who join (status {status})", _ADDRESS)
