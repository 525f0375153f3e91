"""The end of a run: what is kept of it, when it is tried again, and what its pushers are told."""

from __future__ import annotations

import sqlite3
import time
from contextlib import suppress
from typing import Final

from appliance import log, words
from appliance.errors import ApplianceError
from appliance.lanes import retry
from appliance.lanes.answers import Answers
from appliance.lanes.requests import again
from appliance.records import Request
from appliance.run.figures import Figures
from appliance.run.hooks import HookError
from appliance.store import Store

_UNREACHABLE: Final = 255
"""What a pusher takes for a host that cannot be reached: nothing of ours may say it, nor what a signal is told by."""


class Ends:
    """The ends of one archive's runs."""

    def __init__(self, store: Store, name: str, answers: Answers) -> None:
        self._store, self._name, self._answers = store, name, answers

    def good(self, id: int, figures: Figures, published: bool, serial: str | None) -> None:
        """A run has done what it was asked."""
        result = "success" if published or figures.payload else "noop"
        self._store.end(
            id, result, time.time(), serial=serial,
            payload=figures.payload, indices=figures.index, deleted=figures.deleted, bytes=figures.bytes,
        )  # fmt: skip
        log.event(
            "run ends", archive=self._name, run=id, result=result, serial=serial, planner=figures.planner or None,
            files=figures.payload + figures.index, bytes=figures.bytes,
        )  # fmt: skip

    async def bad(self, id: int, figures: Figures, requests: list[Request], error: ApplianceError) -> None:
        """A run has failed: what is worth another try is requested again, and everybody is answered."""
        cause = retry.cause_of(error)
        self._store.end(
            id, "error", time.time(), error=str(error), cause=cause, payload=figures.payload, indices=figures.index,
            bytes=figures.bytes,
        )  # fmt: skip
        pause = retry.pause(error, self._store.in_a_row(self._name, cause))
        log.trouble(
            "run failed", archive=self._name, run=id, stage=figures.stage, cause=cause, reason=str(error),
            next="not by itself" if pause is None else f"in {pause:.0f} s",
        )  # fmt: skip
        if pause is not None:
            self._store.add([again(self._name, requests, time.time() + pause)])
        await self._answers.settle(requests, _exit_code(figures.stage, error), error.fact)

    def count(self, figures: Figures) -> None:
        """What a run has cost is only counted: no store that is full may keep anybody from the next."""
        figures.leave()
        with suppress(sqlite3.Error):
            plan = (figures.planner, figures.planned_files, figures.planned_bytes)
            self._store.spent(self._name, figures.spent, *plan)


def _exit_code(stage: str, error: ApplianceError) -> int:
    """What a pusher sees of a failed run (PROTOCOL section 1.3)."""
    if isinstance(error, HookError) and 0 < error.exit_code < _UNREACHABLE:
        return error.exit_code
    return words.STAGE1_FAILED if stage in ("plan", "payload", "tree") else words.STAGE2_FAILED
