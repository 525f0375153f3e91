"""What mirrorctl shows of the past and of others: runs, log lines, the tree, and what a sync would do."""

from __future__ import annotations

import asyncio
import json
import time
from collections import defaultdict
from dataclasses import asdict
from typing import Any, Final

from rich.console import Console
from rich.filesize import decimal
from rich.markup import escape
from rich.table import Table
from rich.tree import Tree

from appliance import log
from appliance.doors.line import duration
from appliance.places import Places
from appliance.run.forecast import Forecast, forecast
from appliance.settings import Settings
from appliance.settings.times import spell_duration

ROWS: Final = 20
"""Directories of a forecast that are shown one by one."""

_COLORS: Final = {"fresh": "green", "stale": "yellow", "unlisted": "red", "bad": "red", "unknown": "dim"}


def runs(found: list[dict[str, Any]]) -> None:
    """Print runs as a table, the newest first."""
    table = Table(
        "run", "archive", "kind", "by", "began (UTC)", "took", "result", "serial", "files", "fetched", box=None
    )
    for run in found:
        ended, files = run["ended_at"], run["payload"] + run["index"]
        table.add_row(
            str(run["id"]), run["archive"], run["kind"], run["trigger"], _utc(run["started_at"]),
            duration(ended - run["started_at"]) if ended else "–", run["result"] or "running", run["serial"] or "–",
            f"{files:,}", decimal(run["bytes"]),
        )  # fmt: skip
    console = Console()
    console.print(table)
    for run in (run for run in found if run["error"]):
        line = f"run {run['id']}: {log.clean(run['error'].splitlines()[0])}"
        console.print(line, style="yellow", markup=False, highlight=False, soft_wrap=True)


def tree(sightings: list[dict[str, Any]], own: str) -> None:
    """Print who fetches from whom, a tree for each archive, us first; who fetches from nobody known is a root."""
    by_archive: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for one in sightings:
        by_archive[one["archive"]].append(one)
    console = Console(soft_wrap=True)
    for archive, ones in sorted(by_archive.items()):
        console.print(_drawn(archive, sorted(ones, key=lambda one: (one["mirror"] != own, one["mirror"]))))


def _drawn(archive: str, ones: list[dict[str, Any]]) -> Tree:
    known = {one["mirror"] for one in ones}
    below: defaultdict[str | None, list[dict[str, Any]]] = defaultdict(list)
    for one in ones:
        below[one["parent"]].append(one)
    root, planted = Tree(f"[bold]{escape(archive)}"), set[str]()
    roots = (one for one in ones if one["parent"] not in known or one["parent"] == one["mirror"])
    # Behind those who stand on the ground, those who fetch from each other in a circle.
    for first in (*roots, *ones):
        waiting = [(root, first)]
        while waiting:  # strangers tell who fetches from whom: no recursion goes as deep as they may
            branch, one = waiting.pop()
            if one["mirror"] not in planted:
                planted.add(one["mirror"])
                grown = branch.add(_label(one))
                waiting += [(grown, each) for each in reversed(below[one["mirror"]])]
    return root


def _label(one: dict[str, Any]) -> str:
    """The mirror, its serial, how fresh that is, and what is to be known besides."""
    behind = f", {one['missed']} behind" if one["missed"] else ""
    lag = f" for {duration(one['lag'])}" if one["lag"] else ""
    more = [
        one["activity"] or "",
        one["error"],
        "its indices are not of its serial" if one["consistent"] is False else "",
    ]
    words = " · ".join(log.clean(word) for word in more if word)
    color = _COLORS.get(one["fresh"], "dim")
    shown = f"{escape(one['mirror'])}  {escape(one['serial'] or '–')}  [{color}]{one['fresh']}{behind}{lag}[/]"
    return f"{shown}  [dim]{escape(words)}[/]" if words else shown


def dry_run(settings: Settings, places: Places, name: str, full: bool, as_json: bool) -> None:
    """Print what a sync would do now. Raises SyncError."""
    seen = asyncio.run(forecast(settings, places, name, full))
    if as_json:
        print(json.dumps(asdict(seen), indent=2))
        return
    print("\n".join(_sentences(seen, settings.archives[name].grace)))
    if seen.directories:
        Console(soft_wrap=True).print(_directories(seen))


def _sentences(seen: Forecast, grace: int) -> list[str]:
    files = seen.payload + seen.index
    fetch = f"{files:,} files to fetch ({seen.payload:,} payload, {seen.index:,} index), {decimal(seen.bytes)} at most"
    why = f": {log.clean(seen.why)}" if seen.why else ""
    delete = f"{seen.delete:,} to delete" + (
        f", each {spell_duration(grace)} after it went" if seen.delete and grace else ""
    )
    lines = [f"{seen.archive}: {fetch}; {delete}", f"from {seen.upstream}, planned by {seen.planner}{why}"]
    lines += [f"nothing would be deleted: {seen.held_back}"] if seen.held_back else []
    return [*lines, "nothing was changed"]


def _directories(seen: Forecast) -> Table:
    table = Table("directory", box=None)
    for column in ("files", "size", "delete"):
        table.add_column(column, justify="right")
    for one in seen.directories[:ROWS]:
        table.add_row(escape(log.visible(one.directory)), f"{one.files:,}", decimal(one.bytes), f"{one.delete:,}")
    if rest := seen.directories[ROWS:]:
        files, size, delete = (
            sum(values) for values in zip(*((r.files, r.bytes, r.delete) for r in rest), strict=True)
        )
        table.add_row(f"{len(rest)} more", f"{files:,}", decimal(size), f"{delete:,}")
    return table


def _utc(when: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(when))
