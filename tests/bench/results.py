"""Results on disk, as JSON: by section, each with when, where and by which command it was measured."""

from __future__ import annotations

import json
import os
import platform
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from tests.bench.rows import Row, Run

NAME: Final = "bench.json"


@dataclass(frozen=True, slots=True)
class Measured:
    """A section's rows and their circumstances."""

    date: str
    machine: str
    command: str
    rows: tuple[Row, ...]

    @classmethod
    def now(cls, command: str, rows: Sequence[Row]) -> Measured:
        """Measured here, today."""
        return cls(datetime.now(UTC).date().isoformat(), machine(), command, tuple(rows))


def machine() -> str:
    """This machine in a line: processors, memory, kernel."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{os.cpu_count()} × {_processor()}, {memory:.0f} GiB, Linux {platform.release()}"


def _processor() -> str:
    names = re.findall(r"^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return names[0] if names else platform.machine()


def read(directory: Path) -> dict[str, Measured]:
    """All sections that were kept there."""
    file = directory / NAME
    stored = json.loads(file.read_text()) if file.exists() else {}
    return {name: _measured(facts) for name, facts in stored.items()}


def write(directory: Path, sections: dict[str, Measured]) -> None:
    """Keeps the sections, and nothing else, there."""
    directory.mkdir(parents=True, exist_ok=True)
    stored = {name: asdict(measured) for name, measured in sections.items()}
    new = directory / f".{NAME}.new"
    new.write_text(json.dumps(stored, indent=1, default=str) + "\n")
    new.rename(directory / NAME)


def _measured(facts: dict[str, Any]) -> Measured:
    rows = tuple(Row(**{**row, "runs": tuple(Run(**run) for run in row["runs"])}) for row in facts.pop("rows"))
    return Measured(**facts, rows=rows)
