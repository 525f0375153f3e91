"""Who waits for the answer to a request of one archive, and how it is given."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Final

from appliance import log
from appliance.records import Request
from appliance.store import Store

LONGEST: Final = 1000
"""Characters of an answer: it is one line for a person, and an upstream's log."""


class Answers:
    """The answers to one archive's requests."""

    def __init__(self, store: Store, name: str) -> None:
        self._store, self._name = store, name
        self._given = asyncio.Condition()

    async def given(self) -> None:
        """Return when somebody is answered."""
        async with self._given:
            await self._given.wait()

    async def to(self, id: str) -> Request:
        """Wait until a request is answered. Raises KeyError when nobody knows it."""
        async with self._given:
            while True:
                request = self._store.request(id)
                if request is None:
                    raise KeyError(id)
                if request.code is not None:
                    return request
                await self._given.wait()

    async def settle(self, requests: Iterable[Request], code: int, text: str = "") -> None:
        """Answer those of the requests that are not answered yet."""
        open_ones = {request.id for request in self._store.open_requests(self._name)}
        text = log.clean(text)[:LONGEST]
        self._store.answer([request for request in requests if request.id in open_ones], code, text)
        async with self._given:
            self._given.notify_all()
