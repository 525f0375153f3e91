"""An ssh account that does nothing but note what it is told, and answers as a test wants it to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from tests.harness.node import Node

SPOOL: Final = "/var/spool/record"


@dataclass(frozen=True, slots=True)
class Record:
    """One trigger as the account saw it, with its times; `ended` is None while the account holds it."""

    command: str
    began: float
    ended: float | None = None


class Recorder:
    """One named recording account of a stock node."""

    def __init__(self, node: Node, name: str) -> None:
        self.name = name
        self._node = node
        self._file = f"{SPOOL}/{name}"

    @property
    def forced(self) -> str:
        """The options of its line in authorized_keys."""
        return f'command="/usr/local/bin/record {self.name}"'

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

    def records(self) -> list[Record]:
        """What it was told, in order of beginning."""
        found: list[Record] = []
        for line in self._node.exec("cat", self._file).out.splitlines():
            when, what, quoted = line.split(" ", 2)
            command = quoted[1:-1]
            if what == "begin":
                found.append(Record(command, float(when)))
                continue
            at = next(at for at, one in enumerate(found) if one.command == command and one.ended is None)
            found[at] = Record(command, found[at].began, float(when))
        return found

    def commands(self) -> list[str]:
        """The words of all triggers, in order."""
        return [record.command for record in self.records()]

    def wait_told(self, count: int, deadline: float = 30) -> list[Record]:
        """What it was told, as soon as that are so many triggers."""
        return self._node.wait_for(
            lambda _: found if len(found := self.records()) >= count else [], deadline,
            f"{self.name} is told {count} times",
        )  # fmt: skip

    def wait_answered(self, count: int, deadline: float = 30) -> list[Record]:
        """The same, when it has answered so many."""

        def look(_: Node) -> list[Record]:
            found = self.records()
            return found if sum(one.ended is not None for one in found) >= count else []

        return self._node.wait_for(look, deadline, f"{self.name} has answered {count} triggers")
