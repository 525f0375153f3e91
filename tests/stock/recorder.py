"""An ssh account of a stock node that only notes what it is told, and answers as a test wants it to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Final

from tests.harness.node import Node
from tests.stock.keys import PUSH, Keys
from tests.stock.peer import Stock

SPOOL: Final = "/var/spool/record"
ACCOUNTS: Final = ("one", "two", "three")


@dataclass(frozen=True, slots=True)
class Record:
    """One trigger as the account saw it, with its times; `ended` is None while the account holds it."""

    key: str
    port: int
    command: str
    began: float
    ended: float | None = None


class Recorder:
    """One of the ACCOUNTS; whoever holds one of the named keys may talk to it."""

    def __init__(self, node: Stock, account: str, keys: Keys, *names: str) -> None:
        self.account = account
        self._node = node
        self._file = f"{SPOOL}/{account}"
        lines = "".join(f'command="/usr/local/bin/record {name}" {keys.public(name)}\n' for name in names or (PUSH,))
        node.put("/etc/peer/accounts", {account: lines.encode()}, owner=0)
        self.script()

    def script(self, says: str = "", code: int = 0) -> None:
        """How it answers from now on. It forgets what it was told."""
        text = 'rm -f "$0" "$0".*; printf %s "$1" >"$0.says"; echo "$2" >"$0.code"'
        self._node.run("sh", "-c", text, self._file, says, str(code))

    @contextmanager
    def holding(self, stage: str = "") -> Iterator[None]:
        """It answers nothing, or no trigger of that stage, for the time of the block."""
        path = f"{self._file}.hold{f'-{stage}' if stage else ''}"
        self._node.run("touch", path)
        try:
            yield
        finally:
            self._node.run("rm", "-f", path)

    def records(self, archive: str = "") -> list[Record]:
        """What it was told, in order of beginning; of one archive only when that is named."""
        found: dict[str, Record] = {}
        for line in self._node.exec("cat", self._file).out.splitlines():
            when, what, pid, key, port, quoted = line.split(" ", 5)
            if what == "begin":
                found[pid] = Record(key, int(port), quoted[1:-1], float(when))
            elif pid in found:  # not the end of one that was forgotten since it began
                found[pid] = replace(found[pid], ended=float(when))
        wanted = f"sync:archive:{archive} " if archive else ""
        return [record for record in found.values() if wanted in record.command]

    def commands(self, archive: str = "") -> list[str]:
        """The words of these triggers."""
        return [record.command for record in self.records(archive)]

    def wait_told(self, count: int, archive: str = "", deadline: float = 60) -> list[Record]:
        """What it was told, as soon as that are so many triggers."""

        def look(_: Node) -> list[Record]:
            found = self.records(archive)
            return found if len(found) >= count else []

        return self._node.wait_for(look, deadline, f"{self.account} is told {count} times")

    def wait_answered(self, count: int, archive: str = "", deadline: float = 60) -> list[Record]:
        """The same, as soon as it has answered so many."""

        def look(_: Node) -> list[Record]:
            found = self.records(archive)
            return found if sum(one.ended is not None for one in found) >= count else []

        return self._node.wait_for(look, deadline, f"{self.account} has answered {count} times")
