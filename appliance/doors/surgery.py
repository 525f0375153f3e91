"""`mirrorctl doctor`: has a look at everything, and says what it found, for people or as JSON."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any, Final

from rich.console import Console
from rich.text import Text

from appliance import log
from appliance.doctor import rounds
from appliance.doctor.finding import Finding, Level, worst
from appliance.doctor.patient import prepared
from appliance.doors import asking
from appliance.errors import ApplianceError
from appliance.joining import effective
from appliance.places import Places
from appliance.settings import Reading
from appliance.store import StoreError

STATUS: Final = {Level.OK: 0, Level.NOTE: 0, Level.WARNING: 1, Level.ERROR: 2}
"""The exit status of each level."""

_STYLES: Final = {Level.OK: "green", Level.NOTE: "cyan", Level.WARNING: "yellow", Level.ERROR: "bold red"}


def visit(environ: Mapping[str, str], places: Places, local: bool, as_json: bool) -> int:
    """Look, print, and return the exit status. The configuration may be broken, and nothing need run."""
    picture, silence = _picture(places)
    with prepared(_everybody(effective.read(environ, places), places), places, picture, silence) as patient:
        found = asyncio.run(rounds.examine(patient, local))
    everything = [finding for findings in found.values() for finding in findings]
    level = worst(everything)
    if as_json:
        print(json.dumps(_document(level, found), indent=2))
    else:
        _show(found, everything)
    return STATUS[level]


def _everybody(reading: Reading, places: Places) -> Reading:
    """With those who have joined, as far as that can be known."""
    with suppress(sqlite3.Error, StoreError):
        return replace(reading, settings=effective.everybody(reading.settings, places))
    return reading


def _picture(places: Places) -> tuple[dict[str, Any] | None, str]:
    try:
        return asking.ask(places, "GET", "/api/v1/status"), ""
    except ApplianceError as silence:
        return None, silence.fact
    except Exception as fault:  # an answer that is none
        return None, str(fault)


def _document(level: Level, found: Mapping[str, list[Finding]]) -> dict[str, Any]:
    findings = [{"family": family, **one.document} for family, ones in found.items() for one in ones]
    return {"level": level.name.lower(), "findings": findings}


def _show(found: Mapping[str, list[Finding]], everything: list[Finding]) -> None:
    console = Console(soft_wrap=True, highlight=False)
    for family, findings in found.items():
        if findings:
            console.print(f"[bold]{family}")
        for one in findings:
            for line in _lines(one):
                console.print(line)
    counts = [
        f"{sum(one.level is level for one in everything)} {level.name.lower()}s"
        for level in (Level.ERROR, Level.WARNING)
    ]
    console.print(f"[bold]{', '.join(counts)}" if worst(everything) > Level.NOTE else "[bold green]all is well")


def _lines(one: Finding) -> Iterator[Text]:
    """Level, subject and fact; below it the cure; below that, alone on its line, what is to be pasted."""
    style, space = _STYLES[one.level], " " * 10
    head = Text(f"  {one.level.name.lower():8}", style=style)
    yield head + Text(f"{log.clean(one.about)}: {log.clean(one.fact)}", style="" if one.level else "dim")
    if one.cure:
        yield Text(f"{space}→ {log.clean(one.cure)}")
    if one.paste:
        yield Text(f"{space}  to paste ({log.clean(one.where)}):", style="dim")
        yield Text(log.clean(one.paste))
