"""Who waits for a request: what he sees meanwhile, and what he is told at its end."""

from __future__ import annotations

import threading
from concurrent.futures import Future, wait
from typing import Any, Final

from rich.filesize import decimal

from appliance import log
from appliance.doors import asking, inbox
from appliance.doors.line import Line, duration, sentence
from appliance.errors import ApplianceError
from appliance.places import Places

FOREVER: Final = 7 * 24 * 3600.0

Answer = tuple[int, str]


class Left(ApplianceError):
    """Who waited went away; the run does not care. The exit status is a shell's for an interrupt."""

    exit_code = 130


def follow(places: Places, archive: str, id: str, silent: bool) -> Answer:
    """Wait for the answer, and show how far the run is; returns exit status and text. Raises Left."""
    answered: Future[Answer] = Future()
    threading.Thread(target=_wait, args=(places, id, answered), daemon=True).start()
    try:
        with Line(silent) as line:
            while not wait((answered,), line.every).done:
                _show(line, archive, asking.look(places, f"/api/v1/requests/{id}") if not silent else None)
        return answered.result()
    except (KeyboardInterrupt, inbox.Gone):
        raise Left(
            f"{archive}: nobody waits any more, the run goes on", "mirrorctl status shows how far it is"
        ) from None


def _wait(places: Places, id: str, answered: Future[Answer]) -> None:
    try:
        answered.set_result(inbox.wait(str(places.door), id, FOREVER))
    except Exception as error:  # raised again where the answer is awaited
        answered.set_exception(error)


def _show(line: Line, archive: str, request: dict[str, Any] | None) -> None:
    if request is None:
        return
    progress = request["progress"]
    if request["paused"]:
        line.show("paused", f"{archive}: paused, nothing begins before mirrorctl resume {archive}")
    elif progress is None:
        line.show("waiting", f"{archive}: waiting for its turn")
    else:
        before = "the run before, " if request["state"] == "waiting" else ""
        line.show(before + progress["stage"], f"{archive}: {before}{sentence(progress)}")


def summary(archive: str, run: dict[str, Any]) -> str:
    """What a run came to, in one line; of one that failed the fact, and in a second one the cure."""
    if run["result"] == "error":
        return "\n".join("  " * line.startswith("  ") + log.clean(line) for line in run["error"].splitlines())
    seconds = run["ended_at"] - run["started_at"]
    took, serial = duration(seconds), f"serial {run['serial'] or 'none yet'}"
    if run["kind"] == "publish":
        return f"{archive}: {serial} published in {took}"
    files = run["payload"] + run["index"]
    if not files:
        return f"{archive}: nothing new, {serial}, looked at in {took}"
    rate = f"{decimal(int(run['bytes'] / seconds))}/s" if seconds else "at once"
    return f"{archive}: {files:,} files ({run['payload']:,} payload, {run['index']:,} index), {serial}, " + (
        f"{decimal(run['bytes'])} in {took}, {rate}"
    )
