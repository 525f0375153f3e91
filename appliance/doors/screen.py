"""The picture of the appliance as tables for a person."""

from __future__ import annotations

import time
from typing import Any, Final

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from appliance import log
from appliance.doors.line import sentence
from appliance.joining.told import summary

SHOWN: Final = 3
"""Refused paths that are shown to a person."""


def show(picture: dict[str, Any]) -> None:
    """Print archives and downstreams, what runs now, and what a person should know."""
    console = Console()
    console.print(_archives(picture))
    if picture["membership"]:
        console.print(summary(picture["membership"]), markup=False, highlight=False, soft_wrap=True)
    if picture["downstreams"] or picture["members"]:
        console.print(_downstreams(picture))
    for name, archive in picture["archives"].items():
        if archive["progress"]:
            console.print(f"{name}: {sentence(archive['progress'])}", markup=False, highlight=False, soft_wrap=True)
        for line in _troubles(archive):
            console.print(f"{name}: {log.clean(line)}", style="yellow", markup=False, highlight=False)


def _troubles(archive: dict[str, Any]) -> list[str]:
    """What a person should know of it, a line each."""
    error = [archive["error"], *_next(archive)] if archive["error"] else []
    return [*archive["notes"], *error, *_refused(**archive["refused"])]


def _next(archive: dict[str, Any]) -> list[str]:
    """When it is tried again, and for what kind of trouble."""
    cause, due = archive["cause"], archive["next_try_at"]
    if due:
        return [f"next try in {max(0, due - time.time()):.0f} s ({cause})"]
    return [f"not tried again by itself ({cause})"] if archive["state"] == "failing" and cause != "interrupted" else []


def _refused(count: int, paths: list[str]) -> list[str]:
    if not count:
        return []
    left = count - min(count, SHOWN)
    more = [f"{left} more, see mirrorctl status --json"] if left else []
    return [f"{count} paths of the upstream are refused", *paths[:SHOWN], *more]


def _archives(picture: dict[str, Any]) -> Table:
    columns = ("archive", "role", "serial", "published", "state", "last run", "signed")
    table = Table(*columns, box=None, title=picture["name"])
    for name, archive in picture["archives"].items():
        run = archive["last_run"]
        ended = f"{run['result'] or archive['stage'] or 'running'} ({ago(run['ended_at'])})" if run else "never"
        signed = {True: "yes", False: "unsigned", None: "–"}[archive["signed"]]
        signed = "not checked" if archive["verify"] == "off" else signed
        published = ago(archive["published_at"])
        table.add_row(name, archive["role"], archive["serial"] or "–", published, archive["state"], ended, signed)
    return table


def _downstreams(picture: dict[str, Any]) -> Table:
    members = picture["members"]
    table = Table("downstream", "archive", "state", "serial", "invitation", "trouble", box=None)
    for name, archives in picture["downstreams"].items():
        how = came(members[name]) if name in members else "–"
        for archive, told in archives.items():
            table.add_row(name, archive, told["state"], told["serial"] or "–", how, escape(told["error"] or ""))
        if not archives:
            table.add_row(name, "–", "never told", "–", how, "")
    for name, one in members.items():
        if name not in picture["downstreams"]:
            table.add_row(name, " ".join(one["archives"]), "–", "–", came(one), "")
    return table


def came(member: dict[str, Any]) -> str:
    """What has become of an invitation."""
    if member["state"] == "joined":
        return f"joined {ago(member['joined_at'])}"
    if member["state"] == "invited":
        return "expired" if time.time() > member["expires_at"] else f"invited {ago(member['invited_at'])}"
    return str(member["state"])


def ago(when: float | None) -> str:
    """How long since then, in one unit; a dash for never."""
    if when is None:
        return "–"
    seconds = max(0, int(time.time() - when))
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{seconds // length} {unit} ago"
    return f"{seconds} s ago"
