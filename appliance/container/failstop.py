"""Ends the container when a core process has ended: supervisord's event listener. Standard library only."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress
from typing import TextIO

from appliance.places import Places


def listen(places: Places, events: TextIO = sys.stdin, answers: TextIO = sys.stdout, supervisord: int = 0) -> None:
    """Wait for the first process that ends, note its name, and end supervisord; goes on until it is ended itself."""
    while True:
        print("READY", file=answers, flush=True)
        header = events.readline()
        if not header:
            return
        event = _pairs(header)
        payload = _pairs(events.read(int(event["len"])))
        _stop(places, payload["processname"], event["eventname"], supervisord or os.getppid())
        print("RESULT 2\nOK", end="", file=answers, flush=True)


def _pairs(text: str) -> dict[str, str]:
    return dict(word.split(":", 1) for word in text.split())


def _stop(places: Places, name: str, event: str, supervisord: int) -> None:
    """Only the first is noted: the others end because of it. Without room for the note the container ends as well."""
    if places.failed.exists():
        return
    with suppress(OSError):
        places.failed.write_text(f"{name}\n")
    word = "could not be started" if event.endswith("FATAL") else "ended"
    print(f"core process {name} {word}: the container stops", file=sys.stderr, flush=True)
    os.kill(supervisord, signal.SIGTERM)
