"""The five hook points of ftpsync, as executables ``hook1`` … ``hook5`` in a mounted directory (PROTOCOL section 3.5).

    hook1 before the first rsync    hook2 payload is here    hook3 indices are here, no trace yet
    hook4 trace is written          hook5 downstreams have been told (once each)

A hook gets the run's facts as one JSON object on its standard input and as ``MIRROR_…`` variables. One that fails ends
the run there, with the hook's exit status.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from appliance import commands, log
from appliance.errors import ApplianceError

Fact = str | int | None

NAMES: Final = ("hook1", "hook2", "hook3", "hook4", "hook5")
"""Of the executables that are looked for."""


class HookError(ApplianceError):
    """A hook said no; ``exit_code`` is its own."""

    def __init__(self, fact: str, cure: str, exit_code: int) -> None:
        super().__init__(fact, cure)
        self.exit_code = exit_code


async def call(directory: Path | None, point: int, facts: Mapping[str, Fact], deadline: float) -> None:
    """Run one hook, if it is there; raises HookError when it fails, cannot be run, or is not over at its deadline."""
    hook = directory / f"hook{point}" if directory else None
    if hook is None or not hook.exists():
        return
    told = {"hook": f"hook{point}", **facts}
    variables = {f"MIRROR_{key.upper()}": str(value) for key, value in told.items() if value is not None}
    outcome = await commands.run([str(hook)], deadline=deadline, env=variables, feed=json.dumps(told).encode())
    log.event("hook ended", hook=hook.name, archive=str(facts.get("archive")), code=outcome.code)
    if not outcome.ok:
        cure = "its message is in the run's error" if os.access(hook, os.X_OK) else f"make {hook} executable"
        raise HookError(f"{hook.name} failed with exit {outcome.code}: {outcome.last_words}", cure, outcome.code)
