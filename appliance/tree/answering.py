"""Who does not answer now, as far as this machine knows: nobody is asked anything for it.

The kernel sends again what nobody acknowledges, and shows it (proc(5), /proc/net/tcp: the column ``retrnsmt``), also
where a connection is not there yet. What it does not know, a live kernel in front of a sshd that is stopped, shows by
the time that an answer takes. Of a process that has no socket of its own (ssh through a proxy) nothing is known.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

UNACKNOWLEDGED: Final = 1.5
"""Seconds for which everything is sent again without an answer. The first time is behind 0.2 seconds or the usual time
of an answer, for a connection that is not there yet behind one second."""

WORDLESS: Final = 10.0
"""Seconds in which a live sshd lets us in, or opens a session."""

OFTEN: Final = 0.25
"""Seconds between two looks at the kernel's tables."""

SHARE: Final = 10
"""Of our time, no more than one in so many parts goes into such looks: where thousands of clients come and go, one
takes a tenth of a second, in which nobody is served."""

_TABLES: Final = ("tcp", "tcp6")
_ESTABLISHED: Final = "01"
_SYN_SENT: Final = "02"


@dataclass(eq=False, slots=True)
class Attempt:
    """Something that was asked of another host, by a process of ours; times are monotonic seconds.

    ``pid`` is None before it has begun; ``answered`` is None where only the kernel knows.
    """

    process: Callable[[], int | None]
    answered: bool | None = None
    since: float = field(default_factory=time.monotonic)

    @property
    def pid(self) -> int | None:
        """The process that holds the connection."""
        return self.process()


class Kernel:
    """Whose connections get no acknowledgement, and since when."""

    def __init__(self, proc: Path = Path("/proc")) -> None:
        self._proc = proc
        self._since: dict[int, float] = {}
        self._next = 0.0

    def is_unanswered(self, attempt: Attempt) -> bool:
        """Whether the other side has acknowledged nothing, for longer than lost packets explain, or said nothing."""
        age = time.monotonic() - attempt.since
        if attempt.answered is False and age >= WORDLESS:
            return True
        pid = attempt.pid
        return age >= OFTEN and pid is not None and self._is_deaf(pid)

    def _is_deaf(self, pid: int) -> bool:
        self._look()
        now, own = time.monotonic(), [self._since[inode] for inode in self._sockets(pid) if inode in self._since]
        return any(now - since >= UNACKNOWLEDGED for since in own)

    def _look(self) -> None:
        """Read the tables, unless that was done just now."""
        now = time.monotonic()
        if now < self._next:
            return
        self._since = {inode: self._since.get(inode, now) for inode in self._resent()}
        self._next = now + max(OFTEN, SHARE * (time.monotonic() - now))

    def _resent(self) -> Iterator[int]:
        for table in _TABLES:
            with suppress(OSError):
                yield from _sent_again((self._proc / "net" / table).read_text().splitlines()[1:])

    def _sockets(self, pid: int) -> Iterator[int]:
        """The inodes of the sockets that a process has; none for one that has ended, or is not ours to look at."""
        with suppress(OSError):
            for entry in os.scandir(self._proc / str(pid) / "fd"):
                with suppress(OSError):
                    kind, _, inode = os.readlink(entry.path).partition(":")
                    if kind == "socket":
                        yield int(inode.strip("[]"))


def _sent_again(lines: Iterable[str]) -> Iterator[int]:
    """The inodes of the sockets whose last packet was sent more than once."""
    for line in lines:
        columns = line.split()
        if columns[3] in (_ESTABLISHED, _SYN_SENT) and int(columns[6], 16):
            yield int(columns[9])
