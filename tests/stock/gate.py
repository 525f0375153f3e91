"""Holding the transfers of one module of a stock node, so that a test can act in the middle of one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tests.stock.peer import Stock
from tests.stock.recorder import SPOOL


class Gate:
    """In front of a module: only so many of the connections that come go on."""

    def __init__(self, node: Stock, module: str) -> None:
        self._node = node
        self._file = f"{SPOOL}/{module}"

    @contextmanager
    def after(self, count: int) -> Iterator[None]:
        """Lets `count` more connections through and holds the others until the end of the block."""
        self._node.run("sh", "-c", 'rm -f "$0.came"; echo "$1" >"$0.pass"', self._file, str(count))
        try:
            yield
        finally:
            self._node.run("rm", "-f", f"{self._file}.pass")

    def came(self) -> int:
        """How many connections have come since the gate was put up, those it holds included."""
        return len(self._node.exec("cat", f"{self._file}.came").out.split())

    def wait_came(self, count: int, deadline: float = 60) -> None:
        """Returns when so many have come: the last of them is held when it is one too many."""
        self._node.wait_for(lambda _: self.came() >= count, deadline, f"{count} connections to {self._file}")
