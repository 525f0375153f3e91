"""One kept connection: an ssh of ours holds it, and every trigger is a session in it.

The holder is a child like any other, without a command of its own. When it ends, by our will or because the other side
is gone, the connection is over; whoever needs one then begins another.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from appliance import commands, words
from appliance.commands import Outcome
from appliance.tree import mux

UNREACHABLE: Final = 255
"""ssh's own exit code for everything that is not the remote command's."""

LET_IN: Final = b"Authenticated to "
"""How the one line begins that a holder writes, at the log level VERBOSE, when it is let in."""

DIED: Final = "Timeout, server "
"""How the line begins with which a holder ends whose other side answers nothing any more."""

LISTENS_WITHIN: Final = 0.25
"""Seconds between two looks whether the holder listens; the line above makes the wait shorter."""

_QUESTION: Final = {words.ASKS: words.ASKS_FOR}

_FIGURES: Final = (b"Transferred: ", b"Bytes per second: ")
"""How the lines begin that it writes at its end, whatever that was."""

_MOMENT: Final = 1.0
"""Seconds within which a holder that hung up has ended."""

_WORDS: Final = 20
"""Lines of a holder that are kept."""


class Kept:
    """A connection from its beginning to its end."""

    def __init__(self, argv: Sequence[str], socket: Path, deadline: float, env: dict[str, str]) -> None:
        self.began = time.monotonic()
        self.pid: int | None = None
        self.is_open = False
        """Whether the holder has been let in."""
        self._socket, self._users, self._retired = socket, 0, False
        self._said: list[str] = []
        self._stirred = asyncio.Event()
        self._idle: asyncio.TimerHandle | None = None
        self._holding = asyncio.create_task(
            commands.run(argv, deadline=deadline, env=env, on_error=self._hear, on_start=self._start)
        )
        self._holding.add_done_callback(lambda _: self._stirred.set())

    def when_ended(self, call: Callable[[], None]) -> None:
        """Have ``call`` called when the holder has ended, for whatever reason."""
        self._holding.add_done_callback(lambda _: call())

    @property
    def takes_more(self) -> bool:
        """Whether another trigger may go over it."""
        return not self._retired and not self.has_ended

    @property
    def has_ended(self) -> bool:
        """Whether nothing can go over it any more."""
        return self._holding.done()

    @property
    def has_died(self) -> bool:
        """Whether it ended because the other side fell silent."""
        return self.has_ended and any(line.startswith(DIED) for line in self._said)

    @property
    def outcome(self) -> Outcome:
        """That nobody was reached, with the holder's own words; it must have ended."""
        closed = self._holding.cancelled()
        said = ["the connection was closed here"] if closed else [*self._said, self._holding.result().stderr]
        return Outcome((), UNREACHABLE, "", "\n".join(filter(None, said)), time.monotonic() - self.began)

    async def session(self, command: str, opened: Callable[[], None], idle: float) -> tuple[int, str]:
        """Run a command (see mux.session). The connection ends when ``idle`` seconds have passed without any."""
        self._users += 1
        if self._idle:
            self._idle.cancel()
        try:
            await self._listens()
            return await mux.session(self._socket, command, opened, _QUESTION)
        except mux.Full:
            raise
        except (mux.NotOpened, mux.BrokenOff):
            await asyncio.wait((self._holding,), timeout=_MOMENT)
            raise
        finally:
            self._users -= 1
            if not self._users:
                self._idle = asyncio.get_running_loop().call_later(0 if self._retired else idle, self.retire)

    async def _listens(self) -> None:
        """Return when the holder takes sessions; raises NotOpened when it never will."""
        while not self._socket.exists():
            if self.has_ended:
                raise mux.NotOpened("no connection came about")
            # It is let in a moment before it listens.
            with suppress(TimeoutError):
                async with asyncio.timeout(0.002 if self.is_open else LISTENS_WITHIN):
                    await self._stirred.wait()
            self._stirred.clear()
        self.is_open = True

    def _start(self, pid: int) -> None:
        self.pid = pid

    def _hear(self, line: bytes) -> None:
        if line.startswith(LET_IN):
            self.is_open = True
            self._stirred.set()
        elif not line.startswith(_FIGURES):
            self._said = [*self._said, line.decode("utf-8", "replace").rstrip("\r")][-_WORDS:]

    def retire(self) -> None:
        """End it behind its last session; now, when there is none."""
        self._retired = True
        if not self._users:
            self._holding.cancel()

    async def end(self) -> None:
        """End it now; returns when its holder is gone."""
        self._holding.cancel()
        await asyncio.gather(self._holding, return_exceptions=True)
