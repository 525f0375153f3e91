"""Lists of paths as rsync reads them. Nobody else makes one, so that none is ever unsorted."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Final

OPTIONS: Final = ("--files-from=-", "--from0")
"""What makes rsync read ``feed`` from its standard input."""

LONGEST: Final = 2500
"""Names in one list.

rsync holds each name that the sender shows against the whole list (since 3.2.5, so that nobody sends what was not asked
for), which costs the square of its length: measured 0.6 CPU seconds for 5000 names in as many directories, 2.2 for
10 000, 8 for 20 000. A hundred times more would take a day.
"""


def feed(names: Iterable[str]) -> bytes:
    """The list in the order of its bytes, each name once.

    Every order that keeps directories together is as good to rsync; without one it took three times the processor time,
    as it holds a directory's own entry against all others whenever it comes back to it. A NUL stands behind the last
    name, too: without it rsync refuses that name when it crosses a boundary of its buffer.
    """
    return b"".join(name + b"\0" for name in sorted({os.fsencode(name) for name in names}))
