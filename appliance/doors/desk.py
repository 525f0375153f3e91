"""The controller's side of the inbox: takes requests over, and answers who waits for them on the door's socket."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from appliance import log, words
from appliance.controller import Controller
from appliance.doors import inbox
from appliance.lasting import lasting
from appliance.records import Request

_LONGEST_QUESTION: Final = 256

_LONGEST_PAUSE: Final = 30.0
"""Seconds for who has come to our door to say what he wants."""

EVERY: Final = 60.0
"""Seconds between two looks into the inbox that nobody asked for."""

_STAYS: Final = "requests stay in the inbox"
_UNANSWERED: Final = "a question at the door cannot be answered now"


class Desk:
    """Reads the inbox of one controller."""

    def __init__(self, controller: Controller) -> None:
        self._controller = controller
        self._inbox = controller.places.inbox
        self._told: set[str] = set()

    def collect(self) -> None:
        """Move every request from the inbox into the store: there first, and only then away from here."""
        done: list[Path] = []
        requests: list[Request] = []
        for file in self._inbox.iterdir():
            if not file.name.startswith("."):
                try:
                    requests.append(self._read(file))
                except ValueError as error:
                    log.trouble("not a request, dropped", file=str(file), reason=str(error))
                except OSError as error:
                    log.trouble("request cannot be read now", file=str(file), reason=str(error))
                    continue
                done.append(file)
        self._controller.accept(requests)
        for file in done:
            file.unlink(missing_ok=True)

    def _read(self, file: Path) -> Request:
        fields = inbox.read(file.read_text("utf-8"))
        received = float(fields["received"])
        mhop, callback, deletes, rollback, full = (
            fields[flag] == "1" for flag in ("mhop", "callback", "deletes", "rollback", "full")
        )
        return Request(
            file.name, fields["archive"], fields["stage"], mhop, fields["source"], fields["by"], received, received,
            callback, deletes, rollback, full,
        )  # fmt: skip

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Answer questions while the context lasts, beginning with what was left while nobody was here."""
        self._collect_or_tell()
        door = self._controller.places.door
        door.unlink(missing_ok=True)
        server = await asyncio.start_unix_server(self._serve, door, limit=_LONGEST_QUESTION)
        os.chmod(door, 0o600)
        # Again: who knocked between the first look and the open door left a request and went away.
        looking = asyncio.create_task(lasting("inbox", self._look_again))
        try:
            yield
        finally:
            looking.cancel()
            server.close()

    async def _look_again(self) -> None:
        while True:
            self._collect_or_tell()
            await asyncio.sleep(EVERY)

    def _collect_or_tell(self) -> None:
        """Collect; what the store cannot take now stays in the inbox."""
        try:
            self.collect()
        except (sqlite3.Error, OSError) as error:
            self._tell(_STAYS, error)
        else:
            self._told.discard(_STAYS)

    def _tell(self, text: str, error: Exception) -> None:
        """Once, until it is well again: who waits asks again and again."""
        if text not in self._told:
            log.trouble(text, reason=str(error))
        self._told.add(text)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_LONGEST_PAUSE):
                id = (await reader.readline()).decode("ascii", "replace").strip()
            if id.startswith(words.FETCHES):
                await self._sign(id)
                return
            self._collect_or_tell()
            code, text = await self._answer(id, reader)
            self._told.discard(_UNANSWERED)
            writer.write(f"{code} {text}\n".encode())
            await writer.drain()
        except (ConnectionError, TimeoutError, ValueError, KeyError, asyncio.LimitOverrunError):
            pass  # who still waits asks again
        except (sqlite3.Error, OSError) as error:
            self._tell(_UNANSWERED, error)
        finally:
            writer.close()

    async def _sign(self, line: str) -> None:
        """The keeper has overheard that somebody fetches; nobody waits for an answer."""
        user, address = line.removeprefix(words.FETCHES).split(" ")
        await self._controller.push.fetched("" if user == words.NOBODY else user, address)

    async def _answer(self, id: str, reader: asyncio.StreamReader) -> tuple[int, str]:
        request = self._controller.store.request(id)
        if request is None and (self._inbox / id).is_file() and "/" not in id:
            raise ConnectionError("not taken over yet: it is asked for again")
        if request is None:
            return words.TEMPORARY, "this request is not known here"
        if request.code is None:
            if request.archive not in self._controller.lanes:  # it was there when that was asked
                return words.UNKNOWN_ARCHIVE, "no such archive"
            if request.source == "ssh" and request.stage == "all" and self._answers_at_once:
                return words.DONE, ""
            request = await self._wait(request, reader)
        return (request.code or 0), (request.answer or "")

    @property
    def _answers_at_once(self) -> bool:
        return self._controller.settings.trigger_answer == "accepted"

    async def _wait(self, request: Request, reader: asyncio.StreamReader) -> Request:
        """Wait for the answer, but no longer than the one who asked does."""
        waiting = asyncio.ensure_future(self._controller.lanes[request.archive].answer(request.id))
        leaving = asyncio.ensure_future(reader.read())
        await asyncio.wait((waiting, leaving), return_when=asyncio.FIRST_COMPLETED)
        leaving.cancel()
        if not waiting.done():
            waiting.cancel()
            raise ConnectionError("nobody waits any more")
        return waiting.result()
