"""A cheap look at an upstream: the serial it carries, without a walk."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Final

from appliance import commands
from appliance.sync.profile import TRACE_DIRECTORY
from appliance.sync.source import Source
from appliance.sync.trace import serial_of

LARGEST: Final = 1 << 20
"""Bytes of a trace file that is looked at: whoever serves larger ones has something else in mind."""


async def serial(source: Source) -> str | None:
    """The master's serial as the upstream carries it; None when it has no such trace. Raises SyncError."""
    with tempfile.TemporaryDirectory(prefix="glance-") as scratch:
        target = Path(scratch, TRACE_DIRECTORY)
        target.mkdir(parents=True)
        # The whole directory, a few kilobytes: ``master`` is a link, and the daemon may refuse to follow it for us.
        argv = [
            "rsync",
            *source.options(),
            f"--max-size={LARGEST}",
            "--safe-links",  # what a link shows is read
            "--dirs",
            f"{source.where}{TRACE_DIRECTORY}/",
            f"{target}/",
        ]
        outcome = await commands.run(argv, deadline=source.deadline, env=source.environment, largest=LARGEST)
        if outcome.code not in (0, 23, 24):
            raise source.failure("cannot read the serial of", outcome)
        return serial_of(Path(scratch))
